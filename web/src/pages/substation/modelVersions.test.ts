import { expect, it } from 'vitest';
import type { ModelDiffLine, ModelVersion, TwinEvent } from '../../api/twin';
import type { Finding } from '../../api/types';
import { followedBefore, marksOf, placeOf, wholeOf, withGaps, type Draft } from './modelVersions';

const same = (n: number, m = n): ModelDiffLine => ({ change: 'same', before: n, after: m, text: `l${n}` });

it('tells where lines were left out, and nowhere else', () => {
  expect(withGaps([same(1), { change: 'removed', before: 2, after: null, text: 'x' }, { change: 'added', before: null, after: 2, text: 'y' }, same(3)]).includes(null)).toBe(false);
  expect(withGaps([same(7), same(8), same(20, 21)]).map((l) => l?.old ?? null)).toEqual([null, 7, 8, null, 20]);
  // Only the other side moves on: nothing is left out.
  expect(withGaps([same(1), { change: 'added', before: null, after: 2, text: 'a' }, { change: 'added', before: null, after: 3, text: 'b' }, same(2, 4)]).includes(null)).toBe(false);
});

const version = (n: number, is_active = false) => ({ version_number: n, is_active }) as ModelVersion;
const told = (before: unknown, after: unknown) => ({ fields: { before, after } }) as unknown as TwinEvent;

it('goes back to what was followed before, as the log has it', () => {
  const versions = [version(1), version(2), version(3, true)];
  expect(followedBefore(versions, [told(1, 3), told(2, 3), told(1, 2)])).toBe(1);
  expect(followedBefore(versions, [told(1, 2)])).toBeNull();
  expect(followedBefore(versions, [told(9, 3)])).toBeNull();
  expect(followedBefore(versions, [told(3, 3)])).toBeNull();
  expect(followedBefore(versions, [])).toBeNull();
});

const ACTIVE = 'clear\nnew circuit.a\nsolve\n\n';
const commands = (text: string): Draft => ({ how: 'commands', text, description: 'a new\nline' });
const finding = (line: number | null, file = '/srv/models/site.dss', severity = 'error'): Finding => ({ code: 'X', severity, message: 'm', source: line === null ? null : { file, line } });

it('makes of commands the text that the server makes of them', () => {
  expect(wholeOf(commands('\n edit line.l1 r1=1\n'), ACTIVE)).toBe('clear\nnew circuit.a\nsolve\n! a new line\nedit line.l1 r1=1\n');
  expect(wholeOf({ how: 'text', text: 'x\n', description: '' }, ACTIVE)).toBe('x\n');
});

it('finds the line that was written from the line that is told', () => {
  const draft = commands('\nedit line.l1 r1=1\nedit line.l2 r1=1');
  const whole = wholeOf(draft, ACTIVE).split('\n');
  const at = whole.indexOf('edit line.l2 r1=1') + 1;
  expect(draft.text.split('\n')[(placeOf(finding(at), draft, ACTIVE) as { line: number }).line - 1]).toBe('edit line.l2 r1=1');
  expect(placeOf(finding(2), draft, ACTIVE)).toEqual({ where: 'active', line: 2 });
  expect(placeOf(finding(4), draft, ACTIVE)).toEqual({ where: 'active', line: 3 });
  expect(placeOf(finding(2), { ...draft, how: 'text' }, ACTIVE)).toEqual({ where: 'draft', line: 2 });
  expect(placeOf(finding(null), draft, ACTIVE)).toBeNull();
});

it('does not take a line of another file for one of the text', () => {
  const draft = commands('edit line.l1 r1=1');
  expect(placeOf(finding(5, 'site/assets.yaml'), draft, ACTIVE)).toEqual({ where: 'file', file: 'assets.yaml', line: 5 });
  expect(placeOf(finding(5, 'lines.dss'), commands('Redirect (sub/lines.dss)'), ACTIVE)).toEqual({ where: 'file', file: 'lines.dss', line: 5 });
});

it('marks each line with the worst that is said of it', () => {
  const draft: Draft = { how: 'text', text: 'a\nb', description: '' };
  expect([...marksOf([finding(1, 's.dss', 'warning'), finding(1, 's.dss', 'error'), finding(1, 's.dss', 'warning'), finding(2, 's.dss', 'Warning'), finding(null)], draft, ACTIVE)]).toEqual([[1, 'error'], [2, 'warning']]);
});
