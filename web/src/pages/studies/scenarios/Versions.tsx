/** Versions of a scenario, and how two texts of it differ. */

import { useMemo, useState } from 'react';
import { useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { when } from '../../../ui/format';
import { Diff } from '../../../ui/Diff';
import { Loaded, Panel } from '../../../ui/parts';
import { useScenario, useVersions, type ScenarioRow } from './data';
import { diffLines, hunks } from './diff';

const t = strings.scenarios;

export function Versions({ project, name, open, mine }: { project: string; name: string; open: number; mine: string }) {
  const query = useVersions(project, name);
  return <Panel title={t.versions}><Loaded query={query}>{(rows) => <List project={project} name={name} rows={rows} open={open} mine={mine} />}</Loaded></Panel>;
}

function List({ project, name, rows, open, mine }: { project: string; name: string; rows: ScenarioRow[]; open: number; mine: string }) {
  const url = useUrl();
  const newest = rows[0]?.version ?? 0;
  const [from, setFrom] = useState(String(rows[1]?.version ?? newest));
  const [to, setTo] = useState(rows.length > 1 ? String(newest) : 'mine');
  const choices = (label: string, value: string, set: (v: string) => void) => <label className="row">{label} <select value={value} onChange={(e) => set(e.target.value)}>{rows.map((r) => <option key={r.version} value={r.version}>{`${t.version} ${r.version}`}</option>)}<option value="mine">{t.mine}</option></select></label>;
  return (
    <div className="stack">
      <table className="simple">
        <thead><tr><th className="num">{t.versionHead}</th><th>{t.note}</th><th>{t.who}</th><th><span className="visually-hidden">{t.actions}</span></th></tr></thead>
        <tbody>{rows.map((r) => <tr key={r.version} data-version={r.version}><td className="num">{r.version}</td><td>{r.note || '–'}</td><td className="quiet">{t.by(r.author, when(r.time_utc))}</td><td>{r.version === open ? <span className="quiet">{t.isOpen}</span> : <button type="button" aria-label={`${t.open} ${t.version} ${r.version}`} onClick={() => url.set({ sv: r.version === newest ? null : r.version }, true)}>{t.open}</button>}</td></tr>)}</tbody>
      </table>
      <div className="toolbar"><b>{t.compare}</b>{choices(t.from, from, setFrom)}{choices(t.to, to, setTo)}</div>
      <Difference project={project} name={name} from={from} to={to} mine={mine} />
    </div>
  );
}

export function Difference({ project, name, from, to, mine }: { project: string; name: string; from: string; to: string; mine: string }) {
  const first = useScenario(project, from === 'mine' ? null : name, from);
  const second = useScenario(project, to === 'mine' ? null : name, to);
  const before = from === 'mine' ? mine : first.data?.text;
  const after = to === 'mine' ? mine : second.data?.text;
  const shown = useMemo(() => (before === undefined || after === undefined ? null : hunks(diffLines(before, after))), [before, after]);
  if (shown === null) return <Loaded query={first.data === undefined && from !== 'mine' ? first : second}>{() => null}</Loaded>;
  if (!shown.some((l) => l && l.is !== 'same')) return <p className="quiet">{t.sameText}</p>;
  return <Diff lines={shown} label={t.compare} />;
}
