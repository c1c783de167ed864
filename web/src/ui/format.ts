/** Numbers, times and sizes as people read them. Groups are set off by thin spaces, the decimal sign is the reader's own. */

const THIN = '\u202f';
const NONE = '–';

const cache = new Map<string, Intl.NumberFormat>();

function formatter(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let kept = cache.get(key);
  if (!kept) {
    kept = new Intl.NumberFormat(undefined, options);
    cache.set(key, kept);
  }
  return kept;
}

function thin(format: Intl.NumberFormat, value: number): string {
  // A sum of nothing may come as minus zero.
  return format.formatToParts(value + 0).map((part) => (part.type === 'group' ? THIN : part.type === 'minusSign' ? '−' : part.value)).join('');
}

/** A measured or computed value with `digits` significant digits; whole numbers of a thousand and more keep all of theirs. */
export function num(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 10 ** (digits - 1)) return thin(formatter({ maximumFractionDigits: 0 }), value);
  if (size !== 0 && size < 1e-4) return value.toExponential(digits - 1);
  return thin(formatter({ maximumSignificantDigits: digits }), value);
}

/** A value with a fixed number of decimals, for columns that are compared. */
export function fixed(value: number | null | undefined, decimals: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  return thin(formatter({ minimumFractionDigits: decimals, maximumFractionDigits: decimals }), value);
}

/** A count, never rounded. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  return thin(formatter({ maximumFractionDigits: 0 }), value);
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? count(size) : num(size, 3)}${THIN}${units[unit]}`;
}

/** A span of time in words: `45 s`, `6 min`, `2 h 10 min`, `3 d`. */
export function span(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  if (seconds < 1) return `${num(seconds, 2)}${THIN}s`;
  if (seconds < 90) return `${Math.round(seconds)}${THIN}s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)}${THIN}min`;
  if (seconds < 172_800) {
    const minutes = Math.round(seconds / 60);
    return minutes % 60 === 0 ? `${minutes / 60}${THIN}h` : `${Math.floor(minutes / 60)}${THIN}h ${minutes % 60}${THIN}min`;
  }
  return `${Math.round(seconds / 86_400)}${THIN}d`;
}

/** How long ago a time was. */
export function ago(utc: string | null | undefined, now = Date.now()): string {
  if (!utc) return NONE;
  const seconds = (now - Date.parse(utc)) / 1000;
  if (!Number.isFinite(seconds)) return utc;
  return seconds < 5 ? 'just now' : `${span(seconds)} ago`;
}

/** A time as ISO date and minute with its zone. */
export function when(utc: string | null | undefined, zone?: string): string {
  if (!utc) return NONE;
  const time = new Date(utc);
  if (Number.isNaN(time.getTime())) return utc;
  const options: Intl.DateTimeFormatOptions = {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
  };
  if (zone) options.timeZone = zone;
  let parts: Intl.DateTimeFormatPart[];
  try {
    parts = new Intl.DateTimeFormat('en-CA', options).formatToParts(time);
  } catch {
    return utc;
  }
  const part = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')} ${part('timeZoneName')}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * An hour of a study as day and time of a year of `hours` hours (8,784 in a leap year). An hour is named by its end, as in the tables:
 * the first of a year ends at 1 Jan 01:00, the last of a day at 24:00. A year of a study has no daylight saving.
 */
export function hourOfYear(hour: number, hours = 8760): string {
  const lengths = hours >= 8784 ? LENGTHS.with(1, 29) : LENGTHS;
  let day = hour > 0 ? Math.ceil(hour / 24) - 1 : 0;
  const first = day;
  let month = 0;
  while (month < 11 && day >= (lengths[month] ?? 31)) {
    day -= lengths[month] ?? 31;
    month += 1;
  }
  const minutes = Math.round((hour - first * 24) * 60);
  return `${day + 1} ${MONTHS[month]} ${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** `1 feeder`, `3 feeders`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

const UNITS: Record<string, string> = {
  kw: 'kW', kvar: 'kvar', kva: 'kVA', kv: 'kV', kwh: 'kWh', kvarh: 'kvarh', mwh: 'MWh', mw: 'MW', mvar: 'Mvar', mva: 'MVA', a: 'A', v: 'V', w: 'W', pu: 'pu', pct: '%', percent: '%',
  deg: '°', ohm: 'Ω', km: 'km', m: 'm', h: 'h', s: 's', min: 'min', ms: 'ms', mm: 'mm', hz: 'Hz', c: '°C', bytes: 'B',
  'ohm_per_km': 'Ω/km', 's_per_km': 'S/km', 'nf_per_km': 'nF/km', 'us_per_km': 'µS/km',
};

/** Fields that people know by other words than their names, or whose name does not end in the unit; all tables and details show these. */
const KNOWN: Record<string, [words: string, unit?: string]> = {
  v_min_pu: ['Lowest voltage', 'pu'], v_max_pu: ['Highest voltage', 'pu'], v_mean_pu: ['Mean voltage', 'pu'], v_pu: ['Voltage', 'pu'], v_v: ['Voltage', 'V'], v_angle_deg: ['Angle of the voltage', '°'], worst_v_pu: ['Worst voltage', 'pu'],
  v_p01_pu: ['Voltage, 1st percentile', 'pu'], v_p05_pu: ['Voltage, 5th percentile', 'pu'], v_p50_pu: ['Voltage, median', 'pu'], v_p95_pu: ['Voltage, 95th percentile', 'pu'], v_p99_pu: ['Voltage, 99th percentile', 'pu'],
  v_min_hour: ['Hour of the lowest voltage'], v_max_hour: ['Hour of the highest voltage'], v_min_node: ['Node of the lowest voltage'], v_max_node: ['Node of the highest voltage'],
  loading_max_pct: ['Highest loading', '%'], loading_mean_pct: ['Mean loading', '%'], loading_pct: ['Loading', '%'], loading_max_hour: ['Hour of the highest loading'],
  loading_p50_pct: ['Loading, median', '%'], loading_p95_pct: ['Loading, 95th percentile', '%'], loading_p99_pct: ['Loading, 99th percentile', '%'], winding_current_max_pct: ['Highest winding current', '%'],
  i_max_a: ['Highest current', 'A'], i_a: ['Current', 'A'], s_max_kva: ['Highest apparent power', 'kVA'], p_kw: ['Active power', 'kW'], q_kvar: ['Reactive power', 'kvar'],
  rating_a: ['Rating', 'A'], rating_kva: ['Rating', 'kVA'], normal_a: ['Normal rating', 'A'], emergency_a: ['Emergency rating', 'A'],
  unbalance_max_pct: ['Highest unbalance', '%'], unbalance_mean_pct: ['Mean unbalance', '%'],
  kv_base_ln: ['Base voltage, line to neutral', 'kV'], kv_base_ll: ['Base voltage, line to line', 'kV'], kv_base: ['Base voltage', 'kV'], base_kv: ['Base voltage', 'kV'], kv: ['Voltage', 'kV'], kv_ll: ['Voltage, line to line', 'kV'], kv_ln: ['Voltage, line to neutral', 'kV'], kv_nominal: ['Nominal voltage', 'kV'], kv_rated: ['Rated voltage', 'kV'],
  kva: ['Apparent power', 'kVA'], kva_normal: ['Normal rating', 'kVA'], kva_emergency: ['Emergency rating', 'kVA'], transformer_kva: ['Ratings of the transformers', 'kVA'],
  latitude_deg: ['Latitude', '°'], longitude_deg: ['Longitude', '°'], lon_deg: ['Longitude', '°'], lat_deg: ['Latitude', '°'], latitude_longitude_deg: ['Latitude, longitude', '°'],
  energy_kwh: ['Energy', 'kWh'], load_energy_kwh: ['Energy of the loads', 'kWh'], losses_kwh: ['Losses', 'kWh'], load_losses_kwh: ['Load losses', 'kWh'], no_load_losses_kwh: ['No-load losses', 'kWh'], line_losses_kwh: ['Losses of lines', 'kWh'], transformer_losses_kwh: ['Losses of transformers', 'kWh'], losses_kw: ['Losses', 'kW'],
  energy_reverse_kwh: ['Energy the other way', 'kWh'], hours_above_normal: ['Hours above the normal rating', 'h'], hours_above_emergency: ['Hours above the emergency rating', 'h'], emergency_pct: ['Emergency rating, of the normal one', '%'],
  losses_pct: ['Losses', '%'], line_losses_pct: ['Losses of lines', '%'], transformer_losses_pct: ['Losses of transformers', '%'],
  peak_kw: ['Peak', 'kW'], peak_hour: ['Hour of the peak'], lowest_kw: ['Lowest load', 'kW'], load_kw: ['Load', 'kW'], source_kw: ['Power of the source', 'kW'], source_kvar: ['Reactive power of the source', 'kvar'], line_km: ['Length of the lines', 'km'], distance_km: ['Distance from the source', 'km'],
  worst_hour: ['Hour of the worst'], start_hour: ['First hour'], end_hour: ['Last hour'], step_h: ['Length of a step', 'h'], overload_hours: ['Hours above the rating', 'h'], node_hours: ['Hours outside the band, all nodes', 'h'], longest_hours: ['Longest time', 'h'],
  hosting_capacity_kw: ['Hosting capacity', 'kW'], resolution_kw: ['Step of sizes', 'kW'], der: ['Resource'], xy: ['Place'],
  time_utc: ['Time'], newest_utc: ['Newest'], created_utc: ['Made'], start_utc: ['Begin'], end_utc: ['End'], sha256: ['SHA-256'], bytes: ['Size', 'B'], n_taps: ['Taps'], p_mpp_kw: ['Power at full sun', 'kW'], pf: ['Power factor'],
};

/** Splits a field's name into its words and the unit that stands last: `r1_ohm_per_km` is `R1` in Ω/km. */
export function fieldName(field: string): { words: string; unit: string } {
  const known = knownField(field);
  if (known) return known;
  // `hours_below_a` is hours below range A, not amperes.
  const range = /_([ab])$/.exec(field);
  if (range && /^(hours_(below|above)|nodes_outside)_[ab]$/.test(field)) return { words: `${words(field.slice(0, -2))} range ${range[1]?.toUpperCase()}`, unit: field.startsWith('hours_') ? 'h' : '' };
  if (field.startsWith('hours_')) return { words: words(field.slice(6)), unit: 'h' };
  for (const [suffix, unit] of Object.entries(UNITS).sort((a, b) => b[0].length - a[0].length)) {
    if (field.endsWith(`_${suffix}`)) return { words: words(field.slice(0, -suffix.length - 1)), unit };
  }
  return { words: words(field), unit: '' };
}

/** A field that has words of its own; null: its name has to do. */
export function knownField(field: string): { words: string; unit: string } | null {
  // `windings[2].kv` is the kv of the second winding.
  const [, before = '', last = field] = /^(.*[.\]])\.?([^.[\]]+)$/.exec(field) ?? [];
  const known = Object.hasOwn(KNOWN, last) ? KNOWN[last] : undefined;
  if (!known) return null;
  const [name, unit = ''] = known;
  return { words: before ? `${words(before.replace(/[.[\]]+/g, ' '))}: ${name.charAt(0).toLowerCase()}${name.slice(1)}` : name, unit };
}

function words(field: string): string {
  const text = field.replaceAll('_', ' ').trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
