/** A server that follows no plant: how to give it one, in three steps that can be copied. */

import { useState } from 'react';
import { strings } from '../../strings';

const t = strings.twin.start;

function Step({ text, what }: { text: string; what: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () => void navigator.clipboard?.writeText(text).then(() => setCopied(true), () => setCopied(false));
  return (
    <li>
      <div className="row"><span className="grow">{what}</span><button type="button" aria-label={`${t.copy}: ${what}`} onClick={copy}>{isCopied ? strings.copied : t.copy}</button></div>
      <pre tabIndex={0}>{text}</pre>
    </li>
  );
}

export function NoTwin() {
  return (
    <div className="empty no-twin" data-testid="no-twin">
      <strong>{strings.twin.none}</strong>
      <p>{strings.twin.noneHint}</p>
      <p>{t.simulated}</p>
      <ol>
        <Step what={t.plant} text={t.plantCommand} />
        <Step what={t.document} text={t.documentText} />
        <Step what={t.serve} text={t.serveCommand} />
      </ol>
      <p>{t.own}</p>
    </div>
  );
}
