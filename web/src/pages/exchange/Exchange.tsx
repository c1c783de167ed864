/** Designs out and judged, and sized; models in: upload, what it is and why, guesses to confirm, what would be kept, import; what was matched, to be decided; and the records of what became of it all. */

import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { Boundary, Tabs } from '../../ui/parts';
import './exchange.css';
import { Designs } from './Designs';
import { Import } from './Import';
import { Records } from './Records';
import { Review } from './review/Review';
import { Sizing } from './Sizing';

const TABS = { import: Import, review: Review, records: Records, designs: Designs, sizing: Sizing };

export default function Exchange() {
  const url = useUrl();
  const asked = url.get('tab');
  const at = asked === 'records' || asked === 'review' || asked === 'designs' || asked === 'sizing' ? asked : 'import';
  const Content = TABS[at];
  return (
    <div className="page">
      <header><h1>{strings.pages.exchange}</h1></header>
      <Tabs label={strings.pages.exchange} at={at} onChange={(tab) => url.set({ tab: tab === 'import' ? null : tab, job: null }, true)} tabs={[{ id: 'import', label: strings.exchange.title }, { id: 'review', label: strings.review.title }, { id: 'records', label: strings.exchange.records }, { id: 'designs', label: strings.designs.title }, { id: 'sizing', label: strings.designs.sizing.title }]} />
      <Boundary key={at}><Content /></Boundary>
    </div>
  );
}
