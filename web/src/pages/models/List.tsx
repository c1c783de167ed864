/** The models of a project, a row each with its newest version; versions below; and the card of the one that is chosen. */

import { useMemo, useState } from 'react';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { when } from '../../ui/format';
import { CopyRequest } from '../../ui/CopyRequest';
import { Empty, Loaded, Panel, Spinner } from '../../ui/parts';
import { CardView, VerdictWord } from './Card';
import { modelPath, useModels, useModules, type ModelRow } from './data';
import { against, byName, cardOf, figure, firstModule, type Model } from './logic';

const t = strings.models;

export function List({ project }: { project: string }) {
  const query = useModels(project);
  return (
    <Loaded query={query}>
      {({ models, damaged }) => (
        <>
          {damaged.length > 0 && <div className="problem" role="alert"><h3>{t.damaged}</h3><ul>{damaged.map((d) => <li key={d}>{d}</li>)}</ul><p className="hint">{t.damagedHint}</p></div>}
          {models.length === 0 ? <None /> : <Found project={project} rows={models} />}
        </>
      )}
    </Loaded>
  );
}

/** No model: what one is, and with which module to begin. */
function None() {
  const url = useUrl();
  const modules = useModules();
  const first = firstModule(modules.data ?? []);
  return (
    <Panel>
      <Empty title={t.none} actions={<>
        {first ? <button className="primary" onClick={() => url.set({ tab: 'modules', module: first.id }, true)}>{t.begin(first.title)}</button> : modules.isPending ? <Spinner small /> : null}
        <button onClick={() => url.set({ tab: 'modules', module: null }, true)}>{t.allModules}</button>
      </>}>{t.noneHint}{first && <><br />{first.title}: {first.question}</>}</Empty>
    </Panel>
  );
}

function Found({ project, rows }: { project: string; rows: ModelRow[] }) {
  const url = useUrl();
  const modules = useModules();
  const models = useMemo(() => byName(rows), [rows]);
  const [open, setOpen] = useState<string[]>([]);
  const asked = url.get('model');
  const model = asked === null ? models[0] : models.find((m) => m.name === asked);
  const version = asked === null ? null : url.get('mv');
  const at = version === null ? model?.newest : model?.versions.find((v) => String(v.version) === version);
  const choose = (row: ModelRow, of: Model) => url.set({ model: row.name, mv: row === of.newest ? null : row.version, cmp: null }, true);
  const title = (row: ModelRow) => { const { module, title: told } = cardOf(row.card); return told || modules.data?.find((m) => m.id === module)?.title || module; };
  const line = (row: ModelRow, of: Model, isFirst: boolean) => {
    const card = cardOf(row.card);
    const metric = card.metrics[0];
    const isOpen = open.includes(of.name);
    return (
      <tr key={`${row.name} ${row.version}`} data-model={row.name} data-version={row.version} aria-current={row === at ? 'true' : undefined}>
        <td className={isFirst ? '' : 'older'}>{isFirst ? <button className="link" onClick={() => choose(row, of)}><b className="break">{row.name}</b></button> : <button className="link" onClick={() => choose(row, of)}>{t.versionWord} {row.version}</button>}</td>
        <td className="num nowrap">{row.version} {isFirst && of.versions.length > 1 && <button className="plain" aria-expanded={isOpen} aria-label={t.showVersions(of.name)} title={t.versions(String(of.versions.length))} onClick={() => setOpen(isOpen ? open.filter((n) => n !== of.name) : [...open, of.name])}>{isOpen ? '▾' : '▸'}</button>}</td>
        <td title={card.question}>{title(row)}</td>
        <td className="small">{t.by(row.author, when(row.time_utc))}</td>
        <td>{metric ? <><b>{figure(metric.value, metric.unit)}</b> <span className="small quiet">{metric.name}</span></> : <span className="quiet">{t.noFigure}</span>}</td>
        <td>{metric?.baseline ? <>{figure(metric.baseline.value, metric.unit)} <span className="small quiet">{metric.baseline.name}</span> <VerdictWord of={against(metric, metric.baseline.value)} /></> : <span className="quiet">{metric ? t.noBaseline : '–'}</span>}</td>
        <td className="small">{row.approved ? t.by(row.approved.by, when(row.approved.time_utc)) : <span className="quiet">{t.notApproved}</span>}</td>
      </tr>
    );
  };
  const h = t.heads;
  return (
    <>
      <Panel title={t.list} actions={<><CopyRequest of={{ address: modelPath(project) }} /><button className="primary nowrap" onClick={() => url.set({ tab: 'modules', module: null }, true)}>{t.newModel}</button></>}>
        <div className="modellist" tabIndex={0} role="region" aria-label={t.list}>
          <table className="simple">
            <thead><tr><th>{h.name}</th><th className="num">{h.version}</th><th>{h.module}</th><th>{h.made}</th><th>{h.figure}</th><th>{h.baseline}</th><th>{h.approved}</th></tr></thead>
            <tbody>{models.flatMap((m) => [line(m.newest, m, true), ...(open.includes(m.name) ? m.versions.slice(1).map((v) => line(v, m, false)) : [])])}</tbody>
          </table>
        </div>
      </Panel>
      {model && at ? <CardView key={`${at.name} ${at.version}`} project={project} row={at} versions={model.versions} /> : asked ? <Empty title={t.unknownModel(asked)} actions={<button onClick={() => url.set({ model: null, mv: null, cmp: null })}>{t.list}</button>}>{t.unknownModelHint}</Empty> : null}
    </>
  );
}
