/** How many alarms wait for a person, at the page's place in the navigation; the shape is that of the gravest. */

import { useAlarms, useTwin } from '../api/twin';
import { strings } from '../strings';
import { count } from '../ui/format';
import { Priority } from '../ui/parts';
import { isListed, isWaiting, LEVEL, PRIORITIES } from './AlarmBanner';

export function AlarmBadge() {
  const twin = useTwin();
  const alarms = useAlarms(Boolean(twin.data));
  const listed = (alarms.data?.alarms ?? []).filter((a) => isListed(a.state));
  const waiting = listed.filter((a) => isWaiting(a.state));
  if (!twin.data || listed.length === 0) return null;
  const worst = PRIORITIES.find((p) => waiting.some((a) => a.priority === p));
  const label = strings.alarms.nav(count(waiting.length), count(listed.length));
  return <span className="badge" data-testid="alarm-badge" title={label}>{worst ? <><Priority level={LEVEL[worst]} label={label} /><span aria-hidden="true">{count(waiting.length)}</span></> : <span className="quiet">{count(listed.length)} <span className="visually-hidden">{label}</span></span>}</span>;
}
