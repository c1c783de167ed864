import { useEffect, useState, type FormEvent } from 'react';
import { api, ApiError, asProblem } from '../../api/client';
import { getSession } from '../../api/data';
import type { Problem, Session } from '../../api/types';
import { useSession } from '../../state/session';
import { strings } from '../../strings';
import { ProblemView } from '../../ui/parts';

/** A first start's link carries its key: `/first-admin?key=…` or `#first-admin=…`. */
function keyInAddress(): string | null {
  const hash = new URLSearchParams(location.hash.slice(1));
  return new URLSearchParams(location.search).get('key') ?? hash.get('first-admin') ?? hash.get('key');
}

export function Login() {
  const t = strings.login;
  const wasIn = useSession((s) => s.wasIn);
  const enter = useSession((s) => s.enter);
  const [isFirst, setFirst] = useState(() => keyInAddress() !== null || location.pathname.endsWith('/first-admin'));
  const [key, setKey] = useState(() => keyInAddress() ?? '');
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = `${t.title} · ${strings.product}`;
  }, [t.title]);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isFirst && password !== again) {
      setProblem({ title: t.differ, status: 0 });
      return;
    }
    setBusy(true);
    setProblem(null);
    try {
      if (isFirst) await api.post('/api/first-admin', { key: key.trim(), user: user.trim(), password });
      const session = (isFirst ? await getSession() : null) ?? (await login(user.trim(), password));
      // The router took the address at the start of the page, so that of the link needs a new start; it also takes the key out.
      if (location.pathname.endsWith('/first-admin') || keyInAddress() !== null) location.replace('/');
      else enter(session);
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="login">
      <form className="panel stack" onSubmit={(e) => void submit(e)}>
        <div className="row"><img src="/favicon.svg" width="28" height="28" alt="" /><h1>{strings.product}</h1></div>
        <h2>{isFirst ? t.firstTitle : t.title}</h2>
        {isFirst && <p className="quiet">{t.firstText}</p>}
        {!isFirst && wasIn && <p role="status">{t.ended}</p>}
        {isFirst && <label className="field"><span>{t.key}</span><input required value={key} onChange={(e) => setKey(e.target.value)} autoComplete="off" className="mono" /></label>}
        <label className="field"><span>{t.user}</span><input required autoFocus value={user} onChange={(e) => setUser(e.target.value)} autoComplete="username" name="user" /></label>
        <label className="field"><span>{t.password}</span><input required type="password" value={password} onChange={(e) => setPassword(e.target.value)} autoComplete={isFirst ? 'new-password' : 'current-password'} name="password" /></label>
        {isFirst && <label className="field"><span>{t.repeat}</span><input required type="password" value={again} onChange={(e) => setAgain(e.target.value)} autoComplete="new-password" /></label>}
        {problem && <ProblemView problem={problem} />}
        <button className="primary" type="submit" disabled={busy}>{isFirst ? t.create : t.go}</button>
        <button className="link small" type="button" onClick={() => { setFirst(!isFirst); setProblem(null); }}>{isFirst ? t.have : t.first}</button>
      </form>
    </main>
  );
}

/** Logs in and asks for the session, whose token unsafe requests need. */
async function login(user: string, password: string): Promise<Session> {
  await api.post('/api/login', { user, password });
  const session = await getSession();
  if (!session) throw new ApiError({ title: strings.login.noCookie, status: 0, hint: strings.login.noCookieHint });
  return session;
}
