import { strings } from '../../strings';
import type { Mark } from './words';

const t = strings.twin;

/** A value with the marks of its quality. */
export function Marked({ mark, children, age }: { mark: Mark; children: React.ReactNode; age?: string }) {
  return (
    <span className={mark === 'invalid' ? 'q-invalid' : mark === 'old' ? 'q-old' : ''} title={t.quality[mark]}>
      {children}
      {mark === 'substituted' && <> <span className="q-tag">M</span></>}
      {mark === 'old' && age && <> <span className="small quiet">{age}</span></>}
      {mark === 'questionable' && <> <span className="q-tag">?</span></>}
      {mark !== 'good' && <span className="visually-hidden"> {t.quality[mark]}</span>}
    </span>
  );
}
