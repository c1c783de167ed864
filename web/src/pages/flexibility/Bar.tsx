import { strings } from '../../strings';
import { fixed } from '../../ui/format';

interface Props {
  now: number | null;
  before: number | null;
  /** What is said of the two figures. */
  said?: (now: string, before: string) => string;
}

/** A loading in percent, with a mark for what it was before. */
export function Bar({ now, before, said = strings.flexibility.loadingSaid }: Props) {
  if (now === null) return <span className="quiet">–</span>;
  const at = (pct: number) => `${Math.max(0, Math.min(pct, 150)) / 1.5}%`;
  return (
    <span className="row">
      <span className={`loadbar${now > 100.0001 ? ' over' : ''}`} role="img" aria-label={said(fixed(now, 1), before === null ? '–' : fixed(before, 1))}>
        <span className="fill" style={{ width: at(now) }} />
        {before !== null && <span className="was" style={{ left: at(before) }} />}
        <span className="limit" />
      </span>
      <b className="num">{fixed(now, 1)} %</b>
    </span>
  );
}
