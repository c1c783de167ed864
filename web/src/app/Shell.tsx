import { useEffect, useState } from 'react';
import { NavLink, Outlet, useLocation, useNavigate } from 'react-router';
import { api } from '../api/client';
import { useJobFeed } from '../api/jobs';
import { link, useLink } from '../api/socket';
import { useTwinFeed } from '../api/twin';
import { useContext, useContextInAddress, type Context } from '../state/context';
import { usePreferences } from '../state/preferences';
import { useSession } from '../state/session';
import { commonOf, useUrl } from '../state/url';
import { strings } from '../strings';
import { when } from '../ui/format';
import { useKeys } from '../ui/keys';
import { Boundary, Dialog } from '../ui/parts';
import { AlarmBadge } from './AlarmBadge';
import { AlarmBanner } from './AlarmBanner';
import { icons } from './icons';
import { JobTray } from './JobTray';
import { PAGES } from './pages';
import { Palette } from './Palette';

function LinkBanner() {
  const { link: state, downSince, retryAt } = useLink();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (state !== 'down') return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [state]);
  // A blink of the line is no news: said after three seconds.
  if (state !== 'down' || !downSince || now - downSince < 3000) return null;
  return (
    <div className="banner info" role="status">
      <span>{strings.linkDown(when(new Date(downSince).toISOString()))} {strings.linkRetry(Math.max(0, Math.ceil(((retryAt ?? now) - now) / 1000)))}</span>
      <button onClick={() => link.retryNow()}>{strings.retryNow}</button>
    </div>
  );
}

/** Which project, network and study; changing one forgets what belongs to the old one. */
function ContextPicker({ context }: { context: Context }) {
  const url = useUrl();
  return (
    <>
      <select aria-label={strings.project} title={strings.project} value={context.project ?? ''} onChange={(e) => url.set({ project: e.target.value, network: null, version: null, run: null, run2: null, sel: null, hour: null }, true)}>
        {!context.project && <option value="">{strings.noProject}</option>}
        {context.project && !context.projects?.some((p) => p.id === context.project) && <option value={context.project}>{context.project}</option>}
        {context.projects?.map((p) => <option key={p.id} value={p.id} disabled={p.fault !== null && p.fault !== undefined}>{p.name}</option>)}
      </select>
      <select aria-label={strings.network} title={strings.network} value={context.network ?? ''} onChange={(e) => url.set({ network: e.target.value, version: null, sel: null }, true)}>
        {!context.network && <option value="">{strings.noNetwork}</option>}
        {context.network && !context.networks?.some((n) => n.name === context.network) && <option value={context.network}>{context.network}</option>}
        {context.networks?.map((n) => <option key={n.name} value={n.name}>{n.name}</option>)}
      </select>
      <select aria-label={strings.run} title={strings.run} value={context.run ?? 'none'} onChange={(e) => url.set({ run: e.target.value, hour: null }, true)}>
        <option value="none">{strings.noRun}</option>
        {context.runs?.map((r) => <option key={r.id} value={r.id}>{r.id}</option>)}
      </select>
    </>
  );
}

export function Shell() {
  const session = useSession((s) => s.session);
  const { theme, setTheme } = usePreferences();
  const { search } = useLocation();
  const navigate = useNavigate();
  const context = useContext();
  const [searching, setSearching] = useState(false);
  const [helping, setHelping] = useState(false);
  useContextInAddress(context);
  useJobFeed();
  useTwinFeed();
  useEffect(() => {
    link.start();
    return () => link.stop();
  }, []);
  const common = commonOf(search);
  const go = (page: string) => () => void navigate({ pathname: `/${page}`, search: common });
  useKeys({
    '/': () => setSearching(true),
    '?': () => setHelping(!helping),
    'g o': go('overview'), 'g m': go('map'), 'g s': go('substation'), 'g a': go('alarms'), 'g t': go('studies'), 'g r': go('operations'), 'g f': go('flexibility'), 'g e': go('exchange'), 'g l': go('models'), 'g d': go('admin'),
  });
  const logout = () => {
    void api.post('/api/logout').catch(() => undefined).then(() => {
      useSession.setState({ wasIn: false });
      useSession.getState().ended();
    });
  };
  return (
    <div className="shell">
      <a className="skip" href="#content">{strings.skip}</a>
      <div className="banners">
        {session?.no_auth && <div className="banner warn" role="note"><span>{strings.noAuth}</span><span style={{ fontWeight: 400 }}>{strings.noAuthHint}</span></div>}
        <LinkBanner />
        <AlarmBanner />
      </div>
      <header className="topbar">
        <NavLink className="brand" to={{ pathname: '/overview', search: common }}><img src="/favicon.svg" alt="" />{strings.product}</NavLink>
        <ContextPicker context={context} />
        <span className="grow" />
        <button onClick={() => setSearching(true)} title={`${strings.search}  /`}>{strings.search} <kbd>/</kbd></button>
        <JobTray />
        <button className="plain" onClick={() => setTheme(theme === 'dark' ? 'light' : 'dark')}>{theme === 'dark' ? strings.themeLight : strings.themeDark}</button>
        <button className="plain" onClick={() => setHelping(true)} aria-label={strings.help} title={`${strings.help}  ?`}>?</button>
        {session && !session.no_auth && (
          <>
            <span className="small quiet">{session.user} · {session.role}</span>
            <button className="plain" onClick={logout}>{strings.logout}</button>
          </>
        )}
      </header>
      <nav className="nav" aria-label={strings.product}>
        {PAGES.map((page) => (
          <NavLink key={page} to={{ pathname: `/${page}`, search: common }} title={strings.pages[page]}>
            {icons[page]}<span>{strings.pages[page]}</span>{page === 'alarms' && <AlarmBadge />}
          </NavLink>
        ))}
        <div className="foot">
          <a href="/api/docs/" target="_blank" rel="noreferrer">API</a>
          <div>{session?.version}</div>
        </div>
      </nav>
      <main id="content" tabIndex={-1}>
        <Boundary>
          <Outlet />
        </Boundary>
      </main>
      {searching && <Palette context={context} onClose={() => setSearching(false)} />}
      {helping && (
        <Dialog title={strings.keys.title} onClose={() => setHelping(false)}>
          <table className="simple">
            <tbody>
              {strings.keys.list.map(([keys, what]) => <tr key={keys}><td className="nowrap"><kbd>{keys}</kbd></td><td>{what}</td></tr>)}
            </tbody>
          </table>
        </Dialog>
      )}
    </div>
  );
}
