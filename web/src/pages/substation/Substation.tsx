/** The substation that is followed: single line, table, equipment, yard, questions, training, devices; live or of a past time. */

import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo } from 'react';
import { asProblem } from '../../api/client';
import { useLink } from '../../api/socket';
import { iso, twinApi, useAge, useDiagram, useMoment, useTwin, useYard, type Moment, type PointMoment, type TwinInfo } from '../../api/twin';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { span, when } from '../../ui/format';
import { Boundary, Loaded, Priority, ProblemView, Spinner, Tabs } from '../../ui/parts';
import { Assets } from './Assets';
import { TwinClock, useAt } from './Clock';
import { ElementPanel } from './Element';
import { Estimate } from './Estimate';
import { Kpis } from './Kpis';
import { LineTable } from './LineTable';
import { ModelVersions } from './ModelVersions';
import { NoTwin } from './NoTwin';
import { Points } from './Points';
import { SingleLine } from './SingleLine';
import { Training } from './Training';
import { WhatIf } from './WhatIf';
import { listed, lostSince } from './words';
import './substation.css';

// The yard's library is large, and asked for by those who look at it.
const Yard = lazy(() => import('./Yard'));

const t = strings.twin;

export default function Substation() {
  const twin = useTwin();
  if (twin.isPending) return <div className="page"><header><h1>{strings.pages.substation}</h1></header><Spinner /></div>;
  if (twin.error && !twin.data) return <div className="page"><header><h1>{strings.pages.substation}</h1></header><ProblemView problem={asProblem(twin.error)} onRetry={() => void twin.refetch()} /></div>;
  return twin.data ? <Station twin={twin.data} /> : <div className="page"><header><h1>{strings.pages.substation}</h1></header><NoTwin /></div>;
}

/** Elements whose every point hangs on a device that does not answer. The list of points is asked for only when one is silent. */
function useHatched(moment: Moment | undefined, isLive: boolean): { elements: Set<string>; silent: string[] } {
  const silent = useMemo(() => (isLive ? (moment?.devices ?? []).filter((d) => !d.connected).map((d) => d.device) : []), [moment?.devices, isLive]);
  const points = useQuery({
    queryKey: ['twin', 'points', 'silent', silent],
    enabled: silent.length > 0,
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const all: PointMoment[] = [];
      for (let page = 1; page <= 20; page += 1) {
        const of = await twinApi.points({ page, size: 1000 }, signal);
        all.push(...of.points);
        if (of.points.length === 0 || all.length >= of.total) break;
      }
      return all;
    },
  });
  const elements = useMemo(() => {
    const out = new Set<string>();
    const answered = new Set<string>();
    for (const p of points.data ?? []) if (p.element) (silent.includes(p.device) ? out : answered).add(p.element.toLowerCase());
    answered.forEach((e) => out.delete(e));
    return out;
  }, [points.data, silent]);
  return { elements, silent };
}

function Station({ twin }: { twin: TwinInfo }) {
  const url = useUrl();
  const at = useAt();
  const isLive = at === null;
  const moment = useMoment(at);
  const diagram = useDiagram();
  const yard = useYard();
  const linkState = useLink((s) => s.link);
  const { age_s, isStale: isAged } = useAge(twin.interval_s);
  // Moments go on coming when no device does: nothing in them is of now.
  const lost = isLive ? lostSince(moment.data) : null;
  // While another time is on its way, what is still shown is not of it.
  const isStale = isLive ? isAged || lost !== null : moment.isPlaceholderData && (!moment.data?.replayed || Math.abs((moment.data?.time_ms ?? 0) - at) > 900_000);
  const hatched = useHatched(moment.data, isLive);
  const tabs = [
    { id: 'line', label: t.tabs.line }, { id: 'table', label: t.tabs.table }, { id: 'assets', label: t.tabs.assets }, { id: 'yard', label: t.tabs.yard }, { id: 'whatif', label: t.tabs.whatif },
    ...(twin.training ? [{ id: 'training', label: t.tabs.training }] : []),
    { id: 'points', label: t.tabs.points },
    { id: 'versions', label: t.tabs.versions },
  ];
  const tab = tabs.find((x) => x.id === url.get('tab'))?.id ?? 'line';
  const chosen = { element: url.get('el'), asset: url.get('asset') };
  const isChosen = chosen.element !== null || chosen.asset !== null;
  const select = (element: string | null, asset: string | null) => url.set({ el: element, asset });
  const title = twin.simulated ? t.simulation(twin.name) : twin.name;
  return (
    <div className={`twinpage ${!isLive ? 'past' : twin.simulated ? 'sim' : ''}`}>
      <div className="twinhead">
        <div className="row wrap">
          <h1>{title}</h1>
          {twin.simulated && <span className="simtag" title={t.simulationHint}>{t.sim}</span>}
          {!isLive && <span className="pasttag">{t.replay}</span>}
          {!isLive && <span>{t.past(new Date(at).toISOString().slice(0, 19).replace('T', ' ') + ' UTC')} <button className="link" onClick={() => url.set({ at: null })}>{t.lookBack}</button></span>}
        </div>
        {lost !== null && !isAged && <div className="banner warn" role="alert" data-testid="all-lost"><span>{t.allLost(lost.last_ms === null ? null : when(iso(lost.last_ms)))}</span></div>}
        {isAged && isLive && <div className="banner warn" role="alert"><span>{t.stale(span(Math.round(age_s)))} {linkState === 'down' ? t.linkGone : ''}</span></div>}
        {hatched.silent.length > 0 && lost === null && <div className="row" role="status"><Priority level={2} label={t.disconnected} /> {t.deviceGone(listed(hatched.silent))}</div>}
        {moment.data && (tab === 'line' || tab === 'table') && <Kpis moment={moment.data} diagram={diagram.data} at={at} isOld={isStale} isLost={lost !== null} />}
      </div>
      <Tabs label={title} at={tab} tabs={tabs} onChange={(id) => url.set({ tab: id === 'line' ? null : id, q: null, page: null }, true)} />
      <div className={`twinbody ${isStale ? 'stale' : ''}`}>
        <Boundary key={tab}>
          {tab === 'versions' ? <ModelVersions /> : <Loaded query={moment}>{(now) => (
            <>
              {tab === 'line' && (
                <>
                  <Estimate moment={now} onSelect={(element) => select(element, null)} />
                  <Loaded query={diagram}>{(of) => <SingleLine diagram={of} moment={now} name={twin.name} selected={chosen.element} onSelect={select} isStale={isStale} hatched={hatched.elements} isSimulated={twin.simulated} />}</Loaded>
                </>
              )}
              {tab === 'table' && <Loaded query={diagram}>{(of) => <LineTable diagram={of} moment={now} selected={chosen.element} onSelect={select} />}</Loaded>}
              {tab === 'assets' && <Loaded query={yard}>{(of) => <Assets yard={of} moment={now} selected={chosen.asset} at={at} onSelect={(asset, element) => select(element, asset)} />}</Loaded>}
              {tab === 'yard' && <Loaded query={yard}>{(of) => <Suspense fallback={<Spinner />}><Yard yard={of} moment={now} diagram={diagram.data} selected={chosen.asset} onSelect={(asset, element) => select(element, asset)} /></Suspense>}</Loaded>}
              {tab === 'whatif' && <Loaded query={diagram}>{(of) => <WhatIf diagram={of} moment={now} at={at} name={twin.name} isSimulated={twin.simulated} />}</Loaded>}
              {tab === 'training' && twin.training && <Training isLive={isLive} />}
              {tab === 'points' && <Points moment={now} isLive={isLive} />}
            </>
          )}</Loaded>}
        </Boundary>
      </div>
      {isChosen && ['line', 'table', 'assets', 'yard'].includes(tab) && <ElementPanel chosen={chosen} moment={moment.data ?? null} diagram={diagram.data} yard={yard.data} at={at} isStale={isStale} isSimulated={twin.simulated} onClose={() => select(null, null)} />}
      <TwinClock busy={!isLive && (moment.isFetching || moment.isPlaceholderData)} momentMs={moment.data?.time_ms ?? null} />
    </div>
  );
}
