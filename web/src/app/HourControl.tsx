import { useEffect } from 'react';
import { clampHour, useClock, useHour } from '../state/hour';
import { strings } from '../strings';
import { hourOfYear } from '../ui/format';
import { useKeys } from '../ui/keys';

/** The time slider: the whole year, or one hour of it that is stepped, dragged or played. */
export function HourControl({ hours = 8760, busy }: { hours?: number; busy?: boolean }) {
  const { hour, setHour } = useHour(hours);
  const { playing, setPlaying } = useClock();
  useEffect(() => {
    if (!playing || busy) return;
    const timer = setTimeout(() => {
      const next = (hour ?? 0) + 1;
      if (next > hours) setPlaying(false);
      else setHour(next);
    }, 400);
    return () => clearTimeout(timer);
  });
  const step = (by: number) => setHour(clampHour((hour ?? 1) + by, hours));
  useKeys({ '[': () => step(-1), ']': () => step(1), '{': () => step(-24), '}': () => step(24), ' ': () => setPlaying(!playing) });
  return (
    <div className={`hourbar ${hour === null ? '' : 'striped'}`} role="group" aria-label={strings.hour.label}>
      <div className="segmented">
        <button aria-pressed={hour === null} onClick={() => { setPlaying(false); setHour(null); }}>{strings.hour.year}</button>
        <button aria-pressed={hour !== null} onClick={() => setHour(hour ?? 1)}>{strings.hour.one}</button>
      </div>
      {hour !== null && (
        <>
          <button className="plain" onClick={() => step(-1)} aria-label={strings.hour.back} title={`${strings.hour.back}  [`}>◂</button>
          <button className="plain" onClick={() => setPlaying(!playing)} aria-label={playing ? strings.hour.pause : strings.hour.play}>{playing ? '❚❚' : '▶'}</button>
          <button className="plain" onClick={() => step(1)} aria-label={strings.hour.on} title={`${strings.hour.on}  ]`}>▸</button>
          <input className="grow" type="range" min={1} max={hours} step={1} value={hour} onChange={(e) => setHour(Number(e.target.value))} aria-label={strings.hour.label} aria-valuetext={hourOfYear(hour, hours)} />
          <span className="nowrap mono" style={{ minWidth: 100 }}>{hourOfYear(hour, hours)}</span>
          <input type="number" min={1} max={hours} value={hour} onChange={(e) => e.target.value !== '' && setHour(Number(e.target.value))} aria-label={strings.hour.label} style={{ width: 76 }} />
          {busy && <span className="spinner" role="status" aria-label={strings.loading} />}
        </>
      )}
    </div>
  );
}
