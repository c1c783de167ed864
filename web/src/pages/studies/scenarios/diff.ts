/** Difference of two texts, line by line: a longest common subsequence between what both begin and end with. */

import type { DiffLine } from '../../../ui/Diff';

/** Cells of the table beyond which what differs is told as a block: 4 million are some tens of milliseconds. */
const CELLS_MAX = 4_000_000;

export function diffLines(first: string, second: string): DiffLine[] {
  const a = first.replace(/\n$/, '').split('\n');
  const b = second.replace(/\n$/, '').split('\n');
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const n = a.length - head - tail;
  const m = b.length - head - tail;
  const out: DiffLine[] = [];
  const same = (i: number, j: number) => out.push({ is: 'same', text: a[i] as string, old: i + 1, new: j + 1 });
  const old = (i: number) => out.push({ is: 'old', text: a[i] as string, old: i + 1 });
  const fresh = (j: number) => out.push({ is: 'new', text: b[j] as string, new: j + 1 });
  for (let i = 0; i < head; i += 1) same(i, i);
  if (n * m > CELLS_MAX) {
    for (let i = 0; i < n; i += 1) old(head + i);
    for (let j = 0; j < m; j += 1) fresh(head + j);
  } else {
    // longest[i][j]: how many lines the rest of a from i and the rest of b from j have in common.
    const width = m + 1;
    const longest = new Uint32Array((n + 1) * width);
    const at = (i: number, j: number) => longest[i * width + j] as number;
    for (let i = n - 1; i >= 0; i -= 1) {
      for (let j = m - 1; j >= 0; j -= 1) longest[i * width + j] = a[head + i] === b[head + j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
    let i = 0;
    let j = 0;
    while (i < n || j < m) {
      if (i < n && j < m && a[head + i] === b[head + j]) same(head + i++, head + j++);
      else if (i < n && (j >= m || at(i + 1, j) >= at(i, j + 1))) old(head + i++);
      else fresh(head + j++);
    }
  }
  for (let k = tail; k > 0; k -= 1) same(a.length - k, b.length - k);
  return out;
}

/** Only what differs, with `around` lines of context; null stands for lines that are left out. */
export function hunks(lines: DiffLine[], around = 3): (DiffLine | null)[] {
  const near = lines.map((_, i) => lines.slice(Math.max(0, i - around), i + around + 1).some((l) => l.is !== 'same'));
  const out: (DiffLine | null)[] = [];
  lines.forEach((line, i) => {
    if (near[i]) out.push(line);
    else if (out.length === 0 || out.at(-1) !== null) out.push(null);
  });
  return out;
}
