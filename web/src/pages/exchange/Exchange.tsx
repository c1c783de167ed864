/** Models in: upload, what it is and why, guesses to confirm, what would be kept, import; and the records of what became of it all. */

import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { Boundary, Tabs } from '../../ui/parts';
import './exchange.css';
import { Import } from './Import';
import { Records } from './Records';

export default function Exchange() {
  const url = useUrl();
  const at = url.get('tab') === 'records' ? 'records' : 'import';
  return (
    <div className="page">
      <header><h1>{strings.pages.exchange}</h1></header>
      <Tabs label={strings.pages.exchange} at={at} onChange={(tab) => url.set({ tab: tab === 'import' ? null : tab }, true)} tabs={[{ id: 'import', label: strings.exchange.title }, { id: 'records', label: strings.exchange.records }]} />
      <Boundary key={at}>{at === 'import' ? <Import /> : <Records />}</Boundary>
    </div>
  );
}
