/** What the program proposes and a person decides: networks matched to one another, meters and their transformers. */

import { useUrl } from '../../../state/url';
import { strings } from '../../../strings';
import { Boundary, Tabs } from '../../../ui/parts';
import { Matches, NOTHING_CHOSEN } from './Matches';
import { Meters } from './Meters';

const t = strings.review;

export function Review() {
  const url = useUrl();
  const at = url.get('review') === 'meters' ? 'meters' : 'matches';
  return (
    <div className="stack">
      <Tabs label={t.title} at={at} onChange={(id) => url.set({ ...NOTHING_CHOSEN, review: id === 'matches' ? null : id, job: null }, true)} tabs={[{ id: 'matches', label: t.matches }, { id: 'meters', label: t.meters }]} />
      <Boundary key={at}>{at === 'matches' ? <Matches /> : <Meters />}</Boundary>
    </div>
  );
}
