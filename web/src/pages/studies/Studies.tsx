/** Studies: scenarios, launch with an estimate, queue, results, comparison, reports, SQL. */

import { useContext } from '../../state/context';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { Boundary, Tabs } from '../../ui/parts';
import { NewStudy } from './NewStudy';
import { Planning } from './planning/Planning';
import { Queue } from './Queue';
import { Runs } from './Runs';
import { Scenarios } from './scenarios/Scenarios';
import { Sql } from './Sql';
import './studies.css';

const t = strings.studies;

export default function Studies() {
  const url = useUrl();
  const context = useContext();
  const tabs = [{ id: 'runs', label: t.runs }, { id: 'new', label: t.new }, { id: 'scenarios', label: strings.scenarios.title }, { id: 'planning', label: strings.planning.title }, { id: 'queue', label: t.queue }, { id: 'sql', label: t.sql }];
  const at = tabs.find((x) => x.id === url.get('tab'))?.id ?? 'runs';
  return (
    <div className="page">
      <header><h1>{strings.pages.studies}</h1></header>
      <Tabs label={strings.pages.studies} at={at} onChange={(tab) => url.set({ tab: tab === 'runs' ? null : tab }, true)} tabs={tabs} />
      <Boundary key={at}>
        {at === 'runs' && <Runs context={context} />}
        {at === 'new' && <NewStudy context={context} />}
        {at === 'scenarios' && <Scenarios context={context} />}
        {at === 'planning' && <Planning context={context} />}
        {at === 'queue' && <Queue />}
        {at === 'sql' && <Sql project={context.project} />}
      </Boundary>
    </div>
  );
}
