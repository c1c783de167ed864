/** Alarms at the top of every page while a plant is followed: how many, the latest that waits, and a sound for it. */

import { useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';
import { instantMs, iso, useAlarms, useTwin, type Priority as Level } from '../api/twin';
import { keep, kept } from '../state/preferences';
import { strings } from '../strings';
import { ago, count } from '../ui/format';
import { Priority } from '../ui/parts';

const t = strings.alarms;

export const LEVEL: Record<Level, 1 | 2 | 3 | 4> = { critical: 1, high: 2, medium: 3, low: 4 };
export const PRIORITIES: Level[] = ['critical', 'high', 'medium', 'low'];
const WAITING = ['unacknowledged', 'returned_unacknowledged', 'latched_unacknowledged'];
export const isWaiting = (state: string) => WAITING.includes(state);
const LISTED = [...WAITING, 'acknowledged', 'latched_acknowledged'];
export const isListed = (state: string) => LISTED.includes(state);

/** Two short tones; a critical one sounds higher. */
function sound(context: AudioContext, isCritical: boolean): void {
  for (const at of [0, 0.22]) {
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    tone.frequency.value = isCritical ? 880 : 587;
    volume.gain.setValueAtTime(0.0001, context.currentTime + at);
    volume.gain.exponentialRampToValueAtTime(0.12, context.currentTime + at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, context.currentTime + at + 0.18);
    tone.connect(volume).connect(context.destination);
    tone.start(context.currentTime + at);
    tone.stop(context.currentTime + at + 0.2);
  }
}

export function AlarmBanner() {
  const twin = useTwin();
  const alarms = useAlarms(Boolean(twin.data));
  const [isLoud, setLoud] = useState(() => kept('sound') === 'yes');
  const audio = useRef<AudioContext | null>(null);
  const listed = (alarms.data?.alarms ?? []).filter((a) => isListed(a.state));
  const waiting = listed.filter((a) => isWaiting(a.state)).sort((a, b) => (instantMs(b.raised_at) ?? 0) - (instantMs(a.raised_at) ?? 0));
  const latest = waiting[0];
  const newest = latest ? `${latest.rule} ${latest.raised_at}` : null;
  const before = useRef<string | null | undefined>(undefined);
  const isCritical = latest?.priority === 'critical';
  useEffect(() => {
    // What stood already when the page was opened does not sound.
    if (alarms.data && before.current !== undefined && newest !== null && newest !== before.current && isLoud && audio.current) sound(audio.current, isCritical);
    if (alarms.data) before.current = newest;
  }, [newest, isLoud, isCritical, alarms.data]);
  useEffect(() => {
    if (!isLoud) return;
    // A browser lets a page sound only once it has been touched.
    const wake = () => { audio.current ??= new AudioContext(); };
    window.addEventListener('pointerdown', wake, { once: true });
    window.addEventListener('keydown', wake, { once: true });
    return () => { window.removeEventListener('pointerdown', wake); window.removeEventListener('keydown', wake); };
  }, [isLoud]);
  if (!twin.data || !alarms.data) return null;
  const { counts, flooded } = alarms.data;
  const toggle = () => {
    audio.current ??= new AudioContext();
    void audio.current.resume();
    if (!isLoud) sound(audio.current, false);
    keep('sound', isLoud ? 'no' : 'yes');
    setLoud(!isLoud);
  };
  return (
    <section className="alarmbar" aria-label={t.banner} data-testid="alarm-banner">
      <div className="counts">
        {PRIORITIES.map((p) => {
          const of = listed.filter((a) => a.priority === p);
          if (of.length === 0) return null;
          const open = of.filter((a) => isWaiting(a.state)).length;
          return <Link key={p} to={`/alarms?priority=${p}`} className={`row ${p === 'critical' && open > 0 ? 'calling' : ''}`} title={`${t.priorities[p]}: ${t.waiting(count(open))}`}><span className={p === 'critical' && open > 0 ? 'tag calling' : 'tag'} style={{ width: 'auto' }}><Priority level={LEVEL[p]} label={t.priorities[p]} /></span> <b>{count(of.length)}</b></Link>;
        })}
        {listed.length === 0 && <span className="quiet">{t.none}</span>}
        {counts.unknown > 0 && <Link to="/alarms?view=all&unknown=1" className="small">{t.unknown(count(counts.unknown))}</Link>}
      </div>
      {flooded && <Link to="/alarms" className="row"><Priority level={1} label={t.flood(count(counts.shown_in_ten_minutes))} /> <b>{t.flood(count(counts.shown_in_ten_minutes))}</b></Link>}
      <span className="grow clip" role={isCritical ? 'alert' : 'status'}>{latest ? <Link to={`/alarms?rule=${encodeURIComponent(latest.rule)}`}>{latest.text} <span className="small quiet">{ago(iso(instantMs(latest.raised_at)))}</span></Link> : null}</span>
      {counts.wanting_acknowledgement > 0 && <span className="small">{t.waiting(count(counts.wanting_acknowledgement))}</span>}
      <button className="plain" aria-pressed={isLoud} onClick={toggle} title={isLoud ? t.loud : t.quiet}><svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.6"><path d="M2 7v4h3l4 3.500V3.500L5 7z" />{isLoud ? <path d="M12 6.500a4 4 0 0 1 0 5M14 4.500a7 7 0 0 1 0 9" /> : <path d="M12 7l4 4M16 7l-4 4" />}</svg> <span className="visually-hidden">{isLoud ? t.loud : t.quiet}</span></button>
    </section>
  );
}
