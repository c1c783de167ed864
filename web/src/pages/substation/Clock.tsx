/** Live, or a time that is over: the time stands in the address, is stepped by keys and played. */

import { useEffect, useState } from 'react';
import { iso } from '../../api/twin';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { when } from '../../ui/format';
import { useKeys } from '../../ui/keys';

const t = strings.twin.clock;
const SPEEDS = [1, 10, 60, 600];

/** The past time that the address names; null: now. */
export function useAt(): number | null {
  const text = useUrl().get('at');
  const time = text === null ? NaN : /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(time) && time > 0 ? time : null;
}

/** For an input of a local date and time. */
export function local(ms: number): string {
  const d = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return d.toISOString().slice(0, 19);
}

export function TwinClock({ busy, momentMs }: { busy: boolean; momentMs: number | null }) {
  const url = useUrl();
  const at = useAt();
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(60);
  const go = (to: number | null) => url.set({ at: to === null ? null : Math.min(Math.round(to), Date.now()) });
  const live = () => { setPlaying(false); go(null); };
  useEffect(() => {
    if (!playing || at === null || busy) return;
    const timer = setTimeout(() => {
      const next = at + speed * 1000;
      // What is played runs into the present, and goes on live.
      if (next >= Date.now()) live();
      else url.set({ at: next });
    }, 1000);
    return () => clearTimeout(timer);
  });
  const step = (by_s: number) => go((at ?? Date.now()) + by_s * 1000);
  useKeys({ '[': () => step(-60), ']': () => at !== null && step(60), '{': () => step(-3600), '}': () => at !== null && step(3600), ' ': () => { if (at === null) step(-600); setPlaying(!playing); } });
  return (
    <div className="twinclock" role="group" aria-label={t.label}>
      <div className="segmented">
        <button aria-pressed={at === null} onClick={live}>{strings.twin.live}</button>
        <button aria-pressed={at !== null} onClick={() => at === null && step(-600)}>{t.past}</button>
      </div>
      {at !== null && (
        <>
          <span className="pasttag">{strings.twin.replay}</span>
          <button className="plain" onClick={() => step(-60)} aria-label={t.back} title={`${t.back}  [`}>◂</button>
          <button className="plain" onClick={() => setPlaying(!playing)} aria-label={playing ? t.pause : t.play}>{playing ? '❚❚' : '▶'}</button>
          <button className="plain" onClick={() => step(60)} aria-label={t.on} title={`${t.on}  ]`}>▸</button>
          <label className="row">{t.time} <input type="datetime-local" step={1} value={local(at)} max={local(Date.now())} onChange={(e) => { const to = new Date(e.target.value).getTime(); if (Number.isFinite(to)) go(to); }} /></label>
          <label className="row">{t.speed} <select value={speed} onChange={(e) => setSpeed(Number(e.target.value))}>{SPEEDS.map((s) => <option key={s} value={s}>{s}×</option>)}</select></label>
          {busy && <span className="row" role="status"><span className="spinner" /> {t.loading}</span>}
        </>
      )}
      <span className="grow" />
      <span className="small quiet mono" data-testid="twin-time">{momentMs === null ? '–' : `${new Date(momentMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`}</span>
      <span className="visually-hidden">{when(iso(momentMs))}</span>
    </div>
  );
}
