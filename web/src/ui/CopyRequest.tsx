/** What a page shows, as a command that asks the server for it. */

import { useEffect, useState } from 'react';
import { curl, type Asking } from '../api/curl';
import { strings } from '../strings';
import { Dialog } from './parts';

const t = strings.request;

export function CopyRequest({ of }: { of: Asking | Asking[] }) {
  const [shown, setShown] = useState(false);
  const [copied, setCopied] = useState(false);
  // Not when it loses the focus: what moves between press and release takes the next click away.
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const text = (Array.isArray(of) ? of : [of]).map((one) => curl(window.location.origin, one)).join('\n\n');
  const copy = () => {
    // A page that did not come over TLS has no clipboard: the text is shown to be copied by hand.
    if (!navigator.clipboard) { setShown(true); return; }
    navigator.clipboard.writeText(text).then(() => setCopied(true), () => setShown(true));
  };
  return (
    <>
      <button type="button" className="copying" onClick={copy} title={text}><span style={{ visibility: copied ? 'hidden' : undefined }}>{t.copy}</span><span aria-hidden="true" style={{ visibility: copied ? undefined : 'hidden' }}>{t.copied}</span></button>
      <span role="status" className="visually-hidden">{copied ? t.copied : ''}</span>
      {shown && <Dialog title={t.title} onClose={() => setShown(false)}><p className="quiet">{t.text}</p><pre className="log" tabIndex={0}>{text}</pre></Dialog>}
    </>
  );
}
