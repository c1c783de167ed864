/** The rules of the alarms as one document, with findings at their lines. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { parseDocument } from 'yaml';
import { asProblem } from '../../api/client';
import { renew } from '../../api/renew';
import { twinApi } from '../../api/twin';
import type { Finding } from '../../api/types';
import { useMay } from '../../state/session';
import { strings } from '../../strings';
import { Loaded, Panel, ProblemView, RoleButton, Severity } from '../../ui/parts';
import { TextView, type Goal } from '../studies/scenarios/TextView';

const t = strings.alarms.rules;

const lineOf = (f: Finding): number | null => { const line = (f.source as { line?: unknown } | null | undefined)?.line; return typeof line === 'number' ? line : null; };

export function Rules() {
  const query = useQuery({ queryKey: ['twin', 'rules', 'text'], staleTime: Infinity, queryFn: async ({ signal }) => { const of = await twinApi.rules(signal); return String(of.yaml ?? of.text ?? of.document ?? ''); } });
  return <Loaded query={query}>{(text) => <Editor key={text} opened={text} />}</Loaded>;
}

function Editor({ opened }: { opened: string }) {
  const client = useQueryClient();
  const may = useMay('engineer');
  const [text, setText] = useState(opened);
  const [goal, setGoal] = useState<Goal | null>(null);
  const save = useMutation({
    mutationFn: (yaml: string) => twinApi.setRules(yaml),
    onSuccess: () => void renew(client, ['twin', 'rules'], ['twin', 'alarms']),
  });
  const isChanged = text !== opened;
  const problem = save.error ? asProblem(save.error) : null;
  const told: Finding[] = problem?.findings ?? (Array.isArray(save.data) ? save.data : (save.data?.findings ?? []));
  // Findings of what was sent are not those of what is typed since.
  const findings = save.variables === text || (!isChanged && save.isSuccess) ? told : [];
  // What is no YAML at all is seen before it is sent.
  const syntax = isChanged ? parseDocument(text).errors.map((e): Finding => ({ code: e.code, severity: 'error', message: e.message.split('\n')[0] ?? e.message, source: { line: e.linePos?.[0].line } })) : [];
  const shown = [...syntax, ...findings];
  const marks = new Map<number, string>();
  for (const f of shown) { const line = lineOf(f); if (line !== null && marks.get(line) !== 'error') marks.set(line, f.severity.toLowerCase()); }
  return (
    <div className="scenario-editor">
      <Panel title={t.label} actions={<>
        {isChanged && <span className="chip">{t.notSaved}</span>}
        <RoleButton allowed={may} role="engineer" className="primary" disabled={!isChanged || syntax.length > 0 || save.isPending} onClick={() => save.mutate(text)}>{t.save}</RoleButton>
        {isChanged && <button onClick={() => { setText(opened); save.reset(); }}>{t.discard}</button>}
      </>}>
        <p className="small quiet">{t.text}</p>
        {save.isSuccess && !isChanged && <p role="status">{t.saved}</p>}
        <TextView label={t.label} text={text} disabled={!may} marks={marks} goal={goal} onText={setText} />
      </Panel>
      <Panel title={t.findings}>
        {problem && save.variables === text ? <ProblemView problem={{ ...problem, findings: [] }} /> : null}
        {shown.length === 0 ? <p className="quiet">{t.none}</p> : shown.map((f, i) => {
          const line = lineOf(f);
          return <div key={i} className="finding" style={{ padding: '4px 0' }}><Severity of={f.severity} /> {line !== null && <button className="link" onClick={() => setGoal({ line })}>{t.line(String(line))}</button>} {f.message} {f.detail} {f.hint && <i>{f.hint}</i>} <code>{f.code}</code></div>;
        })}
      </Panel>
    </div>
  );
}
