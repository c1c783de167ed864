/** Versions of the model that is followed: how their differences, findings and drafts are shown. */

import type { ModelDiffLine, ModelVersion, TwinEvent } from '../../api/twin';
import type { Finding } from '../../api/types';
import type { DiffLine } from '../../ui/Diff';

/** The server's lines with null where it has left some out between them, or before the first. */
export function withGaps(lines: ModelDiffLine[]): (DiffLine | null)[] {
  const out: (DiffLine | null)[] = [];
  let [before, after] = [0, 0];
  for (const l of lines) {
    if ((l.before !== null && l.before > before + 1) || (l.after !== null && l.after > after + 1)) out.push(null);
    out.push({ is: l.change === 'removed' ? 'old' : l.change === 'added' ? 'new' : 'same', text: l.text, ...(l.before === null ? {} : { old: l.before }), ...(l.after === null ? {} : { new: l.after }) });
    before = l.before ?? before;
    after = l.after ?? after;
  }
  return out;
}

/** The version that was followed before the active one, as the log tells; null where it does not. Events come the newest first. */
export function followedBefore(versions: ModelVersion[], events: TwinEvent[]): number | null {
  const active = versions.find((v) => v.is_active)?.version_number;
  const told = events.find((e) => e.fields?.after === active && typeof e.fields?.before === 'number');
  const before = told?.fields?.before as number | undefined;
  return before !== undefined && before !== active && versions.some((v) => v.version_number === before) ? before : null;
}

export interface Draft { how: 'commands' | 'text'; text: string; description: string }

/** The whole text that a draft makes: as the server puts commands behind the active text, with a line of why between. */
export function wholeOf(draft: Draft, active: string): string {
  if (draft.how === 'text') return draft.text;
  return `${active.trimEnd()}\n! ${draft.description.trim().replace(/[\n\r]/g, ' ')}\n${draft.text.trim()}\n`;
}

/** Blank lines before the first command are not sent. */
const blankAbove = (text: string): number => (/^\s*/.exec(text)?.[0].split('\n').length ?? 1) - 1;

export type At = { where: 'draft' | 'active'; line: number } | { where: 'file'; file: string; line: number | null } | null;

/** Where a finding stands for who wrote the draft: in it, in the active text before it, or in another file. */
export function placeOf(finding: Finding, draft: Draft, active: string): At {
  const source = finding.source as { file?: unknown; line?: unknown } | null | undefined;
  const line = typeof source?.line === 'number' && source.line > 0 ? source.line : null;
  const file = typeof source?.file === 'string' ? source.file.replace(/^.*[\\/]/, '') : '';
  const whole = wholeOf(draft, active);
  // Files that the text still names, and the station's own documents, are no lines of it.
  const isOther = file !== '' && (!/\.(dss|txt)$/i.test(file) || new RegExp(`^\\s*(redirect|compile)\\b.*${file.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`, 'im').test(whole));
  if (isOther) return { where: 'file', file, line };
  if (line === null) return null;
  if (draft.how === 'text') return { where: 'draft', line };
  const own = active.trimEnd().split('\n').length + 1;
  return line <= own ? { where: 'active', line: Math.min(line, own - 1) } : { where: 'draft', line: line - own + blankAbove(draft.text) };
}

/** The worst finding of each line of the draft. */
export function marksOf(findings: Finding[], draft: Draft, active: string): Map<number, string> {
  const marks = new Map<number, string>();
  for (const f of findings) {
    const at = placeOf(f, draft, active);
    if (at?.where !== 'draft') continue;
    if (marks.get(at.line) !== 'error') marks.set(at.line, f.severity.toLowerCase());
  }
  return marks;
}
