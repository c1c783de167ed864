/** Alarms & events: the list that is worked from, the log, maintenance, rules and the report. */

import { asProblem } from '../../api/client';
import { useTwin } from '../../api/twin';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { Boundary, ProblemView, Spinner, Tabs } from '../../ui/parts';
import { NoTwin } from '../substation/NoTwin';
import { List } from './List';
import { Log } from './Log';
import { Maintenance } from './Maintenance';
import { ReportView } from './ReportView';
import { Rules } from './Rules';
import '../studies/scenarios/scenarios.css';
import './alarms.css';

const t = strings.alarms;

export default function Alarms() {
  const url = useUrl();
  const twin = useTwin();
  const tabs = (['list', 'log', 'maintenance', 'rules', 'report'] as const).map((id) => ({ id: id as string, label: t.tabs[id] }));
  const at = tabs.find((x) => x.id === url.get('tab'))?.id ?? 'list';
  return (
    <div className="page alarmpage">
      <header><h1>{strings.pages.alarms}</h1>{twin.data && <span className="quiet">{twin.data.simulated ? strings.twin.simulation(twin.data.name) : twin.data.name}</span>}{twin.data?.simulated && <span className="simtag">{strings.twin.sim}</span>}</header>
      {twin.isPending ? <Spinner /> : twin.error && !twin.data ? <ProblemView problem={asProblem(twin.error)} onRetry={() => void twin.refetch()} /> : !twin.data ? <NoTwin /> : (
        <>
          <Tabs label={strings.pages.alarms} at={at} tabs={tabs} onChange={(tab) => url.set({ tab: tab === 'list' ? null : tab, page: null }, true)} />
          <Boundary key={at}>
            {at === 'list' && <List />}
            {at === 'log' && <Log />}
            {at === 'maintenance' && <Maintenance />}
            {at === 'rules' && <Rules />}
            {at === 'report' && <ReportView />}
          </Boundary>
        </>
      )}
    </div>
  );
}
