/** Scenarios of the project: what there is, one of them open, and the files that they may name. */

import { useState } from 'react';
import { Link } from 'react-router';
import { api } from '../../../api/client';
import type { Context } from '../../../state/context';
import { useMay } from '../../../state/session';
import { useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { when } from '../../../ui/format';
import { Dialog, Empty, Loaded, Panel, RoleButton, Spinner } from '../../../ui/parts';
import { scenarioPath, unsaved, useScenarios, type Scenario, type ScenarioRow } from './data';
import { begun } from './document';
import { Begun, Opened } from './Editor';
import { Files } from './Files';
import './scenarios.css';

const t = strings.scenarios;

export function Scenarios({ context }: { context: Context }) {
  const url = useUrl();
  const { project } = context;
  const list = useScenarios(project);
  if (context.projects?.length === 0) return <Empty title={strings.empty.noProjects} actions={<Link className="button" to="/exchange">{strings.empty.import}</Link>}>{strings.empty.noProjectsHint}</Empty>;
  if (!project) return <Spinner />;
  const name = url.get('scenario');
  if (!name) return <div className="scenario-list"><Loaded query={list}>{(rows) => <List project={project} rows={rows} />}</Loaded><Files project={project} /></div>;
  return (
    <>
      <div className="row"><button onClick={() => url.set({ scenario: null, sv: null, look: null, part: null, job: null }, true)}>← {t.list2}</button></div>
      {url.get('part') === 'new' ? <Begun context={context} project={project} name={name} /> : <Opened context={context} project={project} name={name} />}
    </>
  );
}

/** Layers as small marks, with their names for who points at them. */
function Marks({ layers }: { layers: ScenarioRow['layers'] }) {
  return <span className="row wrap">{layers.map((l) => <span key={l.name} className="chip" title={`${l.name}: ${t.kinds[l.kind] ?? l.kind}`}><b aria-hidden="true">{t.marks[l.kind] ?? l.kind.slice(0, 2).toUpperCase()}</b> {l.name}</span>)}</span>;
}

function List({ project, rows }: { project: string; rows: ScenarioRow[] }) {
  const url = useUrl();
  const may = useMay('engineer');
  const [making, setMaking] = useState(false);
  const add = <RoleButton allowed={may} role="engineer" className="primary" onClick={() => setMaking(true)}>{t.new}</RoleButton>;
  return (
    <Panel title={t.list} actions={add}>
      {rows.length === 0 ? <Empty title={t.none}>{t.noneHint}</Empty> : (
        <table className="simple">
          <thead><tr><th>{strings.studies.scenario}</th><th className="num">{t.versionHead}</th><th>{t.layersHead}</th><th>{t.who}</th></tr></thead>
          <tbody>{rows.map((r) => (
            <tr key={r.name} data-scenario={r.name}>
              <td><button className="link" onClick={() => url.set({ scenario: r.name, sv: null }, true)}><b className="break">{r.name}</b></button>{r.title && r.title !== r.name && <div className="small quiet">{r.title}</div>}{unsaved.get(project, r.name) && <span className="chip">{t.unsavedMark}</span>}</td>
              <td className="num">{r.version}</td><td><Marks layers={r.layers} /></td><td className="small">{t.by(r.author, when(r.time_utc))}{r.note && <div className="quiet">{r.note}</div>}</td>
            </tr>
          ))}</tbody>
        </table>
      )}
      {making && <New project={project} rows={rows} onClose={() => setMaking(false)} />}
    </Panel>
  );
}

function New({ project, rows, onClose }: { project: string; rows: ScenarioRow[]; onClose: () => void }) {
  const url = useUrl();
  const [name, setName] = useState('');
  const [from, setFrom] = useState('');
  const trimmed = name.trim();
  const exists = rows.some((r) => r.name === trimmed);
  const begin = async () => {
    const text = from === '' ? begun(trimmed) : (await api.get<Scenario>(scenarioPath(project, from))).text;
    if (unsaved.get(project, trimmed) === null) unsaved.set(project, trimmed, { text, base: 0 });
    url.set({ scenario: trimmed, part: 'new', sv: null, look: null }, true);
  };
  return (
    <Dialog title={t.new} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); if (trimmed !== '' && !exists) void begin(); }}>
        <label className="field"><span>{t.newName}</span><input required maxLength={100} value={name} onChange={(e) => setName(e.target.value)} /></label>
        <label className="field"><span>{t.newFrom}</span><select value={from} onChange={(e) => setFrom(e.target.value)}><option value="">{t.newEmpty}</option>{rows.map((r) => <option key={r.name}>{r.name}</option>)}</select></label>
        {exists && <p role="alert">{t.exists}</p>}
        <div><button className="primary" disabled={trimmed === '' || exists}>{t.begin}</button></div>
      </form>
    </Dialog>
  );
}
