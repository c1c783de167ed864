/** Two texts line by line: what is only in one is told by a sign and a word, with numbers of lines, in one column or beside each other. */

import { Fragment } from 'react';
import { strings } from '../strings';

const t = strings.diff;

export interface DiffLine {
  /** `same` in both, `old` only in the first, `new` only in the second. */
  is: 'same' | 'old' | 'new';
  text: string;
  /** Numbers of the line, from 1, where it stands. */
  old?: number;
  new?: number;
}

/** A line on each side; null where the other side has one more. */
export interface DiffPair { left: DiffLine | null; right: DiffLine | null }

/** Lines that went and lines that came at the same place stand beside each other; null stands for lines that are left out. */
export function paired(lines: (DiffLine | null)[]): (DiffPair | null)[] {
  const out: (DiffPair | null)[] = [];
  let old: DiffLine[] = [];
  let fresh: DiffLine[] = [];
  const flush = () => {
    for (let i = 0; i < Math.max(old.length, fresh.length); i += 1) out.push({ left: old[i] ?? null, right: fresh[i] ?? null });
    [old, fresh] = [[], []];
  };
  for (const line of lines) {
    if (line?.is === 'old') {
      // What goes after something has come belongs to another change.
      if (fresh.length > 0) flush();
      old.push(line);
    } else if (line?.is === 'new') fresh.push(line);
    else {
      flush();
      out.push(line === null ? null : { left: line, right: line });
    }
  }
  flush();
  return out;
}

/** What two lines begin and end with alike: the lengths of both. */
export function common(a: string, b: string): [head: number, tail: number] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  return [head, tail];
}

/** A line with the part marked that its partner does not have; of lines that share little, nothing is marked. */
function Text({ line, other }: { line: DiffLine; other: DiffLine | null }) {
  if (!other || line.is === 'same') return <code>{line.text}</code>;
  const [head, tail] = common(line.text, other.text);
  if (2 * (head + tail) < Math.max(line.text.length, other.text.length)) return <code>{line.text}</code>;
  const end = line.text.length - tail;
  return <code>{line.text.slice(0, head)}{end > head && <mark>{line.text.slice(head, end)}</mark>}{line.text.slice(end)}</code>;
}

const Sign = ({ is }: { is: DiffLine['is'] }) => (is === 'same' ? null : <><span aria-hidden="true">{is === 'old' ? '−' : '+'}</span><span className="visually-hidden">{is === 'old' ? t.old : t.new}</span></>);

export function Diff({ lines, beside = false, label }: { lines: (DiffLine | null)[]; beside?: boolean; label: string }) {
  const gap = (columns: number, key: number) => <tr key={key} className="gap"><td className="num" colSpan={columns}>… <span className="visually-hidden">{t.leftOut}</span></td></tr>;
  const pairs = paired(lines);
  const partner = new Map<DiffLine, DiffLine | null>(pairs.flatMap((p) => (p ? [...(p.left ? [[p.left, p.right] as const] : []), ...(p.right ? [[p.right, p.left] as const] : [])] : [])));
  return (
    <div className={`diff ${beside ? 'beside' : ''}`} role="region" aria-label={label} tabIndex={0} data-testid="diff">
      <table>
        <tbody>
          {beside ? pairs.map((p, i) => (p === null ? gap(6, i) : (
            <tr key={i}>{([['left', p.left, p.right], ['right', p.right, p.left]] as const).map(([side, line, other]) => (
              <Fragment key={side}>
                <td className="num">{line ? (side === 'left' ? line.old : line.new) : ''}</td>
                <td className={line?.is ?? 'none'}>{line && <Sign is={line.is} />}</td>
                <td className={line?.is ?? 'none'}>{line && <Text line={line} other={line.is === 'same' ? null : other} />}</td>
              </Fragment>
            ))}</tr>
          ))) : lines.map((l, i) => (l === null ? gap(4, i) : (
            <tr key={i} className={l.is}><td className="num">{l.old ?? ''}</td><td className="num">{l.new ?? ''}</td><td><Sign is={l.is} /></td><td><Text line={l} other={l.is === 'same' ? null : (partner.get(l) ?? null)} /></td></tr>
          )))}
        </tbody>
      </table>
    </div>
  );
}
