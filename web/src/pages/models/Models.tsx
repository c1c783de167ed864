/** Models: what was learned from data, with its cards; modules to learn with; their answers; and questions in plain words. */

import { Link } from 'react-router';
import { useContext } from '../../state/context';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { Boundary, Empty, Spinner, Tabs } from '../../ui/parts';
import { Answers } from './Answers';
import { Federated } from './Federated';
import { List } from './List';
import { Modules } from './Modules';
import { Question } from './Question';
import '../studies/studies.css';
import './models.css';

const t = strings.models;

export default function Models() {
  const url = useUrl();
  const context = useContext();
  const tabs = Object.entries(t.tabs).map(([id, label]) => ({ id, label }));
  const at = tabs.find((x) => x.id === url.get('tab'))?.id ?? 'models';
  const { project } = context;
  const page = (children: React.ReactNode) => <div className="page"><header><h1>{strings.pages.models}</h1></header>{children}</div>;
  if (context.projects?.length === 0) return page(<Empty title={strings.empty.noProjects} actions={<Link className="button" to="/exchange">{strings.empty.import}</Link>}>{strings.empty.noProjectsHint}</Empty>);
  if (!project) return page(<Spinner />);
  return page(
    <>
      <Boundary><Question key={project} context={context} project={project} /></Boundary>
      <Tabs label={strings.pages.models} at={at} onChange={(tab) => url.set({ tab: tab === 'models' ? null : tab, job: null, table: null, sort: null, q: null }, true)} tabs={tabs} />
      <Boundary key={at}>
        {at === 'models' && <List project={project} />}
        {at === 'modules' && <Modules context={context} project={project} />}
        {at === 'answers' && <Answers project={project} />}
        {at === 'federated' && <Federated />}
      </Boundary>
    </>,
  );
}
