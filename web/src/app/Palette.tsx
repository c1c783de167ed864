import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { api, path } from '../api/client';
import type { Page } from '../api/types';
import type { Context } from '../state/context';
import { commonOf, patched } from '../state/url';
import { strings } from '../strings';
import { Dialog } from '../ui/parts';
import { PAGES } from './pages';

interface Hit {
  kind: string;
  name: string;
  more?: string;
  to: { pathname: string; search: string };
}

interface ElementHit {
  i: number;
  id: string;
  class: string;
  name: string;
  feeder?: string | null;
}

/** Search for anything: pages, projects, networks, studies, and elements of the network by name, id, alias or type. */
export function Palette({ context, onClose }: { context: Context; onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const navigate = useNavigate();
  const asked = useDeferredValue(text.trim());
  const { project, network, version } = context;
  const elements = useQuery({
    queryKey: ['search', project, network, version, asked],
    enabled: asked.length > 0 && project !== null && network !== null,
    queryFn: ({ signal }) => api.get<Page<ElementHit>>(path('projects', project ?? '', 'networks', network ?? '', 'elements'), { search: asked, limit: 30, version }, signal),
  });
  const search = commonOf(window.location.search);
  const hits = useMemo<Hit[]>(() => {
    const has = (name: string) => name.toLowerCase().includes(asked.toLowerCase());
    const list: Hit[] = [];
    for (const id of PAGES) if (!asked || has(strings.pages[id])) list.push({ kind: 'page', name: strings.pages[id], to: { pathname: `/${id}`, search } });
    for (const p of context.projects ?? []) if (asked && (has(p.id) || has(p.name))) list.push({ kind: 'project', name: p.name, to: { pathname: '/map', search: `?project=${encodeURIComponent(p.id)}` } });
    for (const n of context.networks ?? []) if (asked && has(n.name)) list.push({ kind: 'network', name: n.name, to: { pathname: '/map', search: patched(search, { network: n.name, sel: null, version: null }) } });
    for (const r of context.runs ?? []) if (asked && has(r.id)) list.push({ kind: 'run', name: r.id, to: { pathname: '/studies', search: patched(search, { run: r.id }) } });
    for (const e of elements.data?.items ?? []) list.push({ kind: 'element', name: e.name, more: [e.class, e.feeder].filter(Boolean).join(' · '), to: { pathname: '/map', search: patched(search, { sel: e.id, focus: true }) } });
    return list;
  }, [asked, context.projects, context.networks, context.runs, elements.data, search]);
  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    onClose();
    void navigate(hit.to);
  };
  const index = Math.min(at, Math.max(0, hits.length - 1));
  return (
    <Dialog onClose={onClose} className="palette">
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={hits.length ? `hit-${index}` : undefined}
        aria-label={strings.search}
        placeholder={strings.palette.hint}
        value={text}
        onChange={(e) => { setText(e.target.value); setAt(0); }}
        onKeyDown={(e) => {
          if (e.key === 'ArrowDown') setAt(Math.min(index + 1, hits.length - 1));
          else if (e.key === 'ArrowUp') setAt(Math.max(index - 1, 0));
          else if (e.key === 'Enter') go(hits[index]);
          else return;
          e.preventDefault();
        }}
      />
      <ul id="palette-list" role="listbox" aria-label={strings.search}>
        {hits.map((hit, i) => (
          <li key={`${hit.kind}.${hit.name}.${i}`} id={`hit-${i}`} role="option" aria-selected={i === index} onMouseMove={() => setAt(i)} onClick={() => go(hit)}>
            <span className="chip">{strings.palette.kinds[hit.kind]}</span>
            <span className="grow clip">{hit.name}</span>
            <span className="small quiet">{hit.more}</span>
          </li>
        ))}
        {asked && hits.length === 0 && !elements.isFetching && <li className="quiet">{strings.palette.none}</li>}
      </ul>
    </Dialog>
  );
}
