import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { local } from '../substation/Clock';

const t = strings.alarms.log;

/** Choice of the time looked at; a range of one's own is from … to, by this computer's clock. */
export function RangeChoice({ now, onChange }: { now: number; onChange: () => void }) {
  const url = useUrl();
  const range = url.get('range') ?? 'h24';
  const time = (key: string) => { const ms = Date.parse(url.get(key) ?? ''); return Number.isFinite(ms) ? local(ms).slice(0, 16) : ''; };
  const set = (key: string, value: string) => { const ms = new Date(value).getTime(); if (Number.isFinite(ms)) url.set({ [key]: new Date(ms).toISOString(), page: null }); };
  return (
    <>
      <select aria-label={t.range} value={range} onChange={(e) => {
        const next = e.target.value;
        onChange();
        url.set({ range: next === 'h24' ? null : next, page: null, ...(next === 'custom' && !url.get('from') ? { from: new Date(now - 86_400_000).toISOString(), to: new Date(now).toISOString() } : {}) });
      }}>{Object.entries(t.ranges).map(([id, label]) => <option key={id} value={id}>{label}</option>)}</select>
      {range === 'custom' && <>
        <label className="row">{t.from} <input type="datetime-local" value={time('from')} onChange={(e) => set('from', e.target.value)} /></label>
        <label className="row">{t.to} <input type="datetime-local" value={time('to')} onChange={(e) => set('to', e.target.value)} /></label>
      </>}
    </>
  );
}
