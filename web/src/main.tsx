import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, StrictMode, Suspense, useEffect, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { createBrowserRouter, Navigate, RouterProvider, useLocation } from 'react-router';
import { api, ApiError } from './api/client';
import { getSession } from './api/data';
import { Shell } from './app/Shell';
import { Login } from './pages/login/Login';
import { useSession } from './state/session';
import { strings } from './strings';
import './ui/base.css';
import './ui/app.css';
import { Boundary, Empty, Spinner } from './ui/parts';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: false,
      // What the server refuses it refuses again; only a missing answer is worth another try.
      retry: (failures, error) => failures < 2 && error instanceof ApiError && (error.problem.status === 0 || error.problem.status === 503),
    },
  },
});

const pages = {
  overview: lazy(() => import('./pages/overview/Overview')),
  map: lazy(() => import('./pages/map/MapPage')),
  substation: lazy(() => import('./pages/substation/Substation')),
  alarms: lazy(() => import('./pages/alarms/Alarms')),
  studies: lazy(() => import('./pages/studies/Studies')),
  operations: lazy(() => import('./pages/operations/Operations')),
  flexibility: lazy(() => import('./pages/flexibility/Flexibility')),
  exchange: lazy(() => import('./pages/exchange/Exchange')),
  models: lazy(() => import('./pages/models/Models')),
  admin: lazy(() => import('./pages/admin/Admin')),
};

// The page that is asked for comes while it is asked who is logged in.
if (['/', '/map'].includes(location.pathname)) void import('./pages/map/MapPage');

function PageFrame({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · ${strings.product}`;
  }, [title]);
  return (
    <Boundary>
      <Suspense fallback={<Spinner />}>{children}</Suspense>
    </Boundary>
  );
}

function Home() {
  const { search } = useLocation();
  return <Navigate to={{ pathname: '/map', search }} replace />;
}

const router = createBrowserRouter([
  {
    element: <Shell />,
    children: [
      { index: true, element: <Home /> },
      ...(Object.keys(pages) as (keyof typeof pages)[]).map((id) => {
        const Page = pages[id];
        return { path: `/${id}/*`, element: <PageFrame title={strings.pages[id]}><Page /></PageFrame> };
      }),
      { path: '*', element: <Empty title={strings.problem.status(404)} /> },
    ],
  },
]);

function ask(): void {
  getSession().then(
    (session) => (session ? useSession.getState().enter(session) : useSession.getState().ended()),
    (error: unknown) => {
      if (error instanceof ApiError && error.problem.status === 401) useSession.getState().ended();
      else useSession.getState().unreachable();
    },
  );
}

function App() {
  const phase = useSession((s) => s.phase);
  const role = useSession((s) => s.session?.role);
  useEffect(ask, []);
  useEffect(() => {
    // What was loaded for one user is not shown to the next.
    if (phase === 'out') client.clear();
  }, [phase]);
  if (phase === 'asking') return <Spinner />;
  if (phase === 'unreachable') return <Empty title={strings.login.unreachable} actions={<button onClick={ask}>{strings.retry}</button>}>{strings.problem.noAnswerHint}</Empty>;
  if (phase === 'out') return <Login />;
  if (role === 'ven') return <Empty title={strings.clientOnly.title} actions={<button onClick={() => void api.post('/api/logout').catch(() => undefined).then(() => location.reload())}>{strings.logout}</button>}>{strings.clientOnly.text}</Empty>;
  return <RouterProvider router={router} />;
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Boundary><App /></Boundary>
    </QueryClientProvider>
  </StrictMode>,
);
