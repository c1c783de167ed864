/**
 * The text of a scenario is the one truth; cards and text are views of it. What a card changes is changed in the document of the text, so that
 * comments, anchors and what no form can show stay.
 */

import { Document, isAlias, isCollection, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, visit, YAMLMap, YAMLSeq, type Node } from 'yaml';

export type Path = (string | number)[];

export interface Parsed {
  doc: Document.Parsed;
  lines: LineCounter;
  /** Why it is no YAML, with the line; then cards cannot be shown. */
  fault: { message: string; line: number } | null;
}

const OPTIONS = { merge: true, prettyErrors: true } as const;

export function parsed(text: string): Parsed {
  const lines = new LineCounter();
  const doc = parseDocument(text, { ...OPTIONS, lineCounter: lines });
  const error = doc.errors[0];
  const isWhole = doc.contents === null || isMap(doc.contents);
  const fault = error ? { message: (error.message.split('\n')[0] ?? '').replace(/:$/, ''), line: error.linePos?.[0].line ?? 1 } : isWhole ? null : { message: '', line: 1 };
  return { doc, lines, fault };
}

const nodeAt = (doc: Document, path: Path): Node | null => {
  const found = path.length === 0 ? doc.contents : doc.getIn(path, true);
  return isNode(found) ? found : null;
};

export interface Told {
  /** It stands in the text. */
  is: boolean;
  value: unknown;
  /** It is an alias or takes values over (`<<`): the text alone says from where. */
  isShared: boolean;
  keys: string[];
}

/** What the text tells at a path. */
export function toldAt(doc: Document, path: Path): Told {
  const parent = path.length === 0 ? doc.contents : nodeAt(doc, path.slice(0, -1));
  const key = path.at(-1);
  const is = path.length === 0 ? doc.contents !== null : isCollection(parent) && key !== undefined && parent.has(key);
  if (!is) return { is: false, value: undefined, isShared: false, keys: [] };
  const node = nodeAt(doc, path);
  const keys = isMap(node) ? node.items.map((p) => (!isScalar(p.key) ? String(p.key) : typeof p.key.value === 'symbol' ? '<<' : String(p.key.value))) : [];
  let value: unknown;
  try {
    value = node === null ? null : node.toJS(doc);
  } catch {
    // An alias without its anchor; the reader tells it.
    value = undefined;
  }
  return { is: true, value, isShared: isAlias(node) || keys.includes('<<'), keys: keys.filter((k) => k !== '<<') };
}

/** Writes the document as the text has it: lists set in or not, flow without blanks, no line broken. */
function written(doc: Document, before: string): string {
  const isFlush = /^layers:[^\S\n]*(#.*)?\n(?:[^\S\n]*(#.*)?\n)*- /m.test(before);
  return doc.toString({ lineWidth: 0, flowCollectionPadding: false, indentSeq: !isFlush });
}

/** The text after a change of its document; as it was where it is no YAML. */
export function edited(text: string, change: (doc: Document) => void): string {
  const doc = parseDocument(text, OPTIONS);
  if (doc.errors.length > 0 || !(doc.contents === null || isMap(doc.contents))) return text;
  if (doc.contents === null) (doc as Document).contents = new YAMLMap(doc.schema);
  change(doc);
  return written(doc, text);
}

/** What is filled for the first time gets a line for each value, unless it stands within braces itself. */
function unfold(doc: Document, path: Path): void {
  for (let i = 0; i <= path.length; i += 1) {
    const node = i === 0 ? doc.contents : doc.getIn(path.slice(0, i), true);
    if (!isCollection(node)) return;
    if (node.flow && node.items.length > 0) return;
    if (node.items.length === 0) node.flow = false;
  }
}

/** Puts a key of the scenario itself before its layers, which are long. */
function addOnTop(doc: Document, key: string): void {
  const map = doc.contents;
  if (!isMap(map) || map.has(key)) return;
  const at = map.items.findIndex((p) => isScalar(p.key) && p.key.value === 'layers');
  if (at >= 0) map.items.splice(at, 0, doc.createPair(key, null) as never);
}

/** Makes every place on the way a list or map; a value that is nothing yet (`ev:`) becomes one. */
function makeWay(doc: Document, path: Path): void {
  for (let i = 1; i < path.length; i += 1) {
    const at = path.slice(0, i);
    const node = doc.getIn(at, true);
    if (isCollection(node) || isAlias(node)) continue;
    if (node === undefined || node === null || (isScalar(node) && node.value === null)) doc.setIn(at, typeof path[i] === 'number' ? new YAMLSeq(doc.schema) : new YAMLMap(doc.schema));
  }
}

/** Sets one value. A scalar keeps its comments; a list of plain values is written in one line. */
export const withValue = (text: string, path: Path, value: unknown): string => edited(text, (doc) => {
  if (typeof path[0] === 'string') addOnTop(doc, path[0]);
  makeWay(doc, path);
  unfold(doc, path.slice(0, -1));
  const before = doc.getIn(path, true);
  if (isScalar(before) && (typeof value !== 'object' || value === null)) {
    before.value = value;
    // Forms that the old value was written in would change the new one.
    delete before.minFractionDigits;
    delete before.format;
    delete before.type;
    return;
  }
  const node = doc.createNode(value, Array.isArray(value) && value.every((x) => typeof x !== 'object') ? { flow: true } : {});
  if (isNode(before)) { node.comment = before.comment; node.commentBefore = before.commentBefore; }
  doc.setIn(path, node);
});

export const withoutValue = (text: string, path: Path): string => edited(text, (doc) => { if (doc.hasIn(path)) doc.deleteIn(path); });

export interface LayerAt {
  index: number;
  /** Null: nothing that a card can show. */
  kind: string | null;
  /** As the text names it; its kind where it does not. */
  name: string;
  path: Path;
  /** First and last line, from 1. */
  line: number;
  lastLine: number;
}

/** Layers of the text, in order. */
export function layersOf({ doc, lines }: Parsed): LayerAt[] {
  const list = doc.getIn(['layers'], true);
  if (!isSeq(list)) return [];
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const starts = list.items.map((item) => (isNode(item) && item.range ? lineAt(item.range[0]) : 1));
  const taken: string[] = [];
  return list.items.map((item, index) => {
    const only = isMap(item) && item.items.length === 1 ? item.items[0] : null;
    const kind = isPair(only) && isScalar(only.key) ? String(only.key.value) : null;
    const path: Path = kind === null ? ['layers', index] : ['layers', index, kind];
    const name = kind === null ? undefined : doc.getIn([...path, 'name']);
    // The reader calls a second layer of a kind without a name `ev_2`.
    let own = kind ?? '?';
    for (let n = 2; taken.includes(own); n += 1) own = `${kind ?? '?'}_${n}`;
    const shown = typeof name === 'string' && name.trim() !== '' ? name.trim() : own;
    taken.push(shown);
    const end = isNode(item) && item.range ? lineAt(Math.max(item.range[0], item.range[1] - 1)) : 1;
    return { index, kind, name: shown, path, line: starts[index] ?? 1, lastLine: end };
  });
}

/** Index of the layer that a line is in; null for a line of none. */
export const layerOfLine = (layers: LayerAt[], line: number): number | null => layers.find((l) => l.line <= line && line <= l.lastLine)?.index ?? null;

/** Line of a path, from 1: that of its key where it has one. */
export function lineOf({ doc, lines }: Parsed, path: Path): number | null {
  const parent = path.length === 0 ? null : nodeAt(doc, path.slice(0, -1));
  if (isMap(parent)) {
    const pair = parent.items.find((p) => isScalar(p.key) && p.key.value === path.at(-1));
    if (pair && isScalar(pair.key) && pair.key.range) return lines.linePos(pair.key.range[0]).line;
  }
  const node = nodeAt(doc, path);
  return node?.range ? lines.linePos(node.range[0]).line : null;
}

function listIn(doc: Document): YAMLSeq {
  const list = doc.getIn(['layers'], true);
  if (isSeq(list)) return list;
  const made = new YAMLSeq(doc.schema);
  doc.setIn(['layers'], made);
  return made;
}

export const withLayer = (text: string, kind: string): string => edited(text, (doc) => {
  const list = listIn(doc);
  list.flow = false;
  list.add(doc.createNode({ [kind]: {} }));
});

export const withoutLayer = (text: string, index: number): string => edited(text, (doc) => { listIn(doc).delete(index); });

export const movedLayer = (text: string, from: number, to: number): string => edited(text, (doc) => {
  const { items } = listIn(doc);
  if (to < 0 || to >= items.length) return;
  items.splice(to, 0, ...items.splice(from, 1));
});

/** A copy of a layer below it, with a name that no other layer has. */
export const copiedLayer = (text: string, index: number): string => {
  const names = layersOf(parsed(text));
  const of = names[index];
  if (!of?.kind) return text;
  let number = 2;
  while (names.some((l) => l.name === `${of.name}_${number}`)) number += 1;
  return edited(text, (doc) => {
    const list = listIn(doc);
    const copy = (list.items[index] as Node).clone() as Node;
    // Two anchors of one name would let the later one hold.
    visit(copy, { Node: (_, node) => { if (!isAlias(node)) delete (node as { anchor?: string }).anchor; } });
    list.items.splice(index + 1, 0, copy);
    const path = ['layers', index + 1, of.kind as string, 'name'];
    makeWay(doc, path);
    if (!isAlias(doc.getIn(path.slice(0, -1), true))) doc.setIn(path, `${of.name}_${number}`);
  });
};

/** The text of a scenario that is begun. */
export const begun = (title: string): string => new Document({ scenario: title, seed: 1, layers: [] }).toString({ flowCollectionPadding: false });
