const line = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.6, strokeLinecap: 'round' as const, strokeLinejoin: 'round' as const };

export const icons = {
  overview: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><path d="M2 2h6v6H2zM10 2h6v4h-6zM10 8h6v8h-6zM2 10h6v6H2z" /></svg>,
  map: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><circle cx="4" cy="4" r="2" /><circle cx="14" cy="6" r="2" /><circle cx="9" cy="14" r="2" /><path d="M5.5 5.5 8 12M12.5 7.5 10 12M6 4.3l6 1.3" /></svg>,
  substation: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><path d="M2 4h14M5 4v3M3.500 7h3v3h-3zM5 10v5M13 4v3M13 10v1" /><circle cx="13" cy="9" r="2" /><circle cx="13" cy="12.500" r="2" /></svg>,
  alarms: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><path d="M3 13h12l-1.500-2.500V7a4.500 4.500 0 0 0-9 0v3.500zM7.500 15.500h3" /></svg>,
  studies: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><path d="M2 2v14h14M5 12l3-4 3 2 4-6" /></svg>,
  operations: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><circle cx="3.500" cy="9" r="1.800" /><circle cx="14.500" cy="4" r="1.800" /><circle cx="14.500" cy="14" r="1.800" /><path d="M5.300 9h3l4.500-4.200M8.300 9l4.500 4.200" /></svg>,
  flexibility: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><path d="M2 16V2M2 16h14M4 11l3-5 3 5M10 6l3 5 3-5" /></svg>,
  exchange: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><path d="M3 6h12l-3-3M15 12H3l3 3" /></svg>,
  models: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><path d="M2 16V2M2 16h14" /><circle cx="6" cy="11" r="1.200" /><circle cx="9.500" cy="9.500" r="1.200" /><circle cx="13" cy="4.500" r="1.200" /><path d="M4.500 13.500C8 13 12 9 15 3" /></svg>,
  admin: <svg viewBox="0 0 18 18" aria-hidden="true" {...line}><circle cx="9" cy="6" r="3" /><path d="M3 16c0-4 3-5.5 6-5.5s6 1.500 6 5.5" /></svg>,
};
