/** What can be learned: each module as a card; the one that is chosen, or the model that is asked, with its form. */

import type { Context } from '../../state/context';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { CopyRequest } from '../../ui/CopyRequest';
import { Empty, Loaded, Panel } from '../../ui/parts';
import { path } from '../../api/client';
import { useModels, useModules, type About } from './data';
import { Form } from './Form';
import { cardOf } from './logic';

const t = strings.models.modules;

export function Modules({ context, project }: { context: Context; project: string }) {
  const url = useUrl();
  const query = useModules();
  const use = url.get('use');
  const back = <div className="row"><button onClick={() => url.set({ module: null, use: null, uv: null, job: null, table: null, sort: null, q: null }, true)}>← {t.back}</button></div>;
  return (
    <Loaded query={query}>
      {(modules) => {
        if (modules.length === 0) return <Empty title={t.none} />;
        if (use !== null) return <>{back}<Kept context={context} project={project} modules={modules} name={use} /></>;
        const asked = url.get('module');
        if (asked === null) return <Choice modules={modules} />;
        const about = modules.find((m) => m.id === asked);
        return <>{back}{about ? <Form key={about.id} context={context} project={project} about={about} model={null} /> : <Empty title={t.unknown(asked)} />}</>;
      }}
    </Loaded>
  );
}

/** A kept model is asked by the form of its module. */
function Kept({ context, project, modules, name }: { context: Context; project: string; modules: About[]; name: string }) {
  const url = useUrl();
  const models = useModels(project);
  return (
    <Loaded query={models}>
      {({ models: rows }) => {
        const of = rows.filter((r) => r.name === name).sort((a, b) => b.version - a.version);
        const asked = url.get('uv');
        const row = asked === null ? of[0] : of.find((r) => String(r.version) === asked);
        const about = row && modules.find((m) => m.id === cardOf(row.card).module);
        if (!row) return <Empty title={strings.models.unknownModel(name)}>{strings.models.unknownModelHint}</Empty>;
        return about ? <Form key={`${row.name} ${row.version}`} context={context} project={project} about={about} model={row} /> : <Empty title={t.unknown(cardOf(row.card).module)} />;
      }}
    </Loaded>
  );
}

function Choice({ modules }: { modules: About[] }) {
  const url = useUrl();
  return (
    <>
      <div className="row"><p className="quiet grow" style={{ margin: 0 }}>{t.text}</p><CopyRequest of={{ address: path('learning', 'modules') }} /></div>
      <div className="grid-cards">
        {modules.map((m) => (
          <Panel key={m.id} className="module" title={m.title} actions={<button className="primary" aria-label={`${t.open}: ${m.title}`} data-module={m.id} onClick={() => url.set({ module: m.id }, true)}>{t.open}</button>}>
            <p>{m.question}</p>
            <p className="small quiet">{m.method}</p>
            <div className="row wrap"><span className="small quiet">{m.inputs.some((i) => i.needed_to_fit) ? t.needs : t.needsNothing}</span>{m.inputs.filter((i) => i.needed_to_fit).map((i) => <span key={i.name} className="chip" title={i.meaning}>{i.name}</span>)}<span className="chip">{m.keeps ? t.keeps : t.keepsNot}</span></div>
          </Panel>
        ))}
      </div>
    </>
  );
}
