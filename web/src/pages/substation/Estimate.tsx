/** How the estimate stands, and which sensors contradict the others. */

import type { Moment } from '../../api/twin';
import { strings } from '../../strings';
import { count, fixed, num } from '../../ui/format';
import { Priority } from '../../ui/parts';
import { estimateState, listed } from './words';

const t = strings.twin;

export function Estimate({ moment, onSelect }: { moment: Moment; onSelect: (element: string) => void }) {
  const e = moment.estimate;
  const state = estimateState(e);
  const isBad = state !== 'settled' || e.plausible === false;
  return (
    <details className="panel" open={isBad || e.suspects.length > 0}>
      <summary><b>{t.estimate}</b>: <span className="state" data-testid="estimate">{isBad && <Priority level={2} label={state === 'settled' ? t.implausible : (t.estimateStates[state] ?? state)} />}{t.estimateStates[state] ?? state}</span>{e.suspects.length > 0 && <> · {t.suspects}: {count(e.suspects.length)}</>} <span className="small quiet">{t.estimateText(count(e.used), count(e.measurements), count(e.nodes_known), count(e.nodes_live))}</span></summary>
      {e.why && <p style={{ marginTop: 6 }}>{e.why}</p>}
      {/* What an iteration over nothing came to says nothing. */}
      {state !== 'none' && <p className="small quiet" style={{ margin: '4px 0' }}>
        {state !== 'settled' ? '' : e.plausible === true ? t.plausible : e.plausible === false ? <b>{t.implausible}</b> : ''}{' '}
        {e.objective !== null && t.objective(num(e.objective), num(e.degrees_of_freedom), num(e.objective_limit))}{' '}
        {e.mismatch_a !== null && t.mismatch(num(e.mismatch_a, 3), e.mismatch_at ?? '–')}
      </p>}
      {state === 'none' ? null : e.suspects.length === 0 ? <p className="small quiet" style={{ margin: 0 }}>{t.noSuspects}</p> : (
        <ul style={{ margin: 0, paddingLeft: 18 }}>
          {e.suspects.map((s) => {
            const digits = Math.abs(s.measured) >= 100 ? 1 : 3;
            return (
              <li key={s.point}>
                <button className="link" onClick={() => onSelect(s.element)}>{s.estimated === null ? t.suspectAlone(s.point, fixed(s.measured, digits), s.unit) : t.suspect(s.point, fixed(s.measured, digits), fixed(s.estimated, digits), s.unit)}</button>{' '}
                <span className="small quiet">{t.residual(num(s.normalised_residual, 3))}{s.alike.length > 0 ? `; ${t.alike(listed(s.alike))}` : ''}</span>
              </li>
            );
          })}
        </ul>
      )}
    </details>
  );
}
