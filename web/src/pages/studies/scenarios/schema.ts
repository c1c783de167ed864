/** Forms from the JSON Schema of scenarios: which field a parameter is. No page, no request. */

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  enum?: unknown[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  additionalProperties?: boolean | Schema;
  $ref?: string;
  $defs?: Record<string, Schema>;
  'x-unit'?: string;
  'x-source'?: string;
  'x-file'?: boolean;
}

export type FieldKind = 'number' | 'whole' | 'text' | 'flag' | 'choice' | 'day' | 'file' | 'texts' | 'files' | 'numbers' | 'weights' | 'object' | 'objects' | 'other';

export interface Field {
  name: string;
  kind: FieldKind;
  unit: string;
  help: string;
  /** Where the default comes from. */
  source: string;
  default: unknown;
  choices: string[];
  required: boolean;
  /** Of an object, or of each object of a list. */
  fields: Field[];
  /** Groups of which one must be told. */
  oneOf: string[][];
  /** Least and largest, as they are told: `above 0`, `100`. */
  range: string;
}

/** What a reference points at, with what stands beside the reference. */
export function resolved(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.replace('#/$defs/', '');
  if (name === undefined) return schema;
  const found = root.$defs?.[name] ?? {};
  return { ...resolved(found, root), ...schema, $ref: undefined };
}

const DAY = '^[0-9]{1,2}-[0-9]{1,2}$';

function kindOf(s: Schema, root: Schema): FieldKind {
  const types = Array.isArray(s.type) ? s.type : s.type ? [s.type] : [];
  if (s.enum) return 'choice';
  if (s.oneOf?.some((x) => x.type === 'string') && s.oneOf.some((x) => x.type === 'array')) return 'files';
  if (types.includes('number')) return 'number';
  if (types.includes('integer')) return 'whole';
  if (types.includes('boolean')) return 'flag';
  if (types.includes('string')) return s['x-file'] ? 'file' : s.pattern === DAY ? 'day' : 'text';
  if (types.includes('object')) return s.properties ? 'object' : typeof s.additionalProperties === 'object' ? 'weights' : 'other';
  if (types.includes('array') && s.items) {
    const item = resolved(s.items, root);
    if (item.type === 'object') return 'objects';
    if (item.type === 'string') return s['x-file'] || item['x-file'] ? 'files' : 'texts';
    const of = Array.isArray(item.type) ? item.type : [item.type];
    if (of.includes('number') || of.includes('integer')) return 'numbers';
  }
  return 'other';
}

/** Groups of which at least one parameter must be told. */
export const oneOfs = (s: Schema): string[][] => (s.allOf ?? []).flatMap((x) => (x.anyOf ? [x.anyOf.flatMap((y) => y.required ?? [])] : [])).filter((names) => names.length > 0);

/** Parameters of an object, in the order of the schema. */
export function fieldsOf(schema: Schema, root: Schema, depth = 0): Field[] {
  const s = resolved(schema, root);
  // A schema that refers to itself would have no end.
  if (depth > 6) return [];
  return Object.entries(s.properties ?? {}).map(([name, raw]) => {
    const of = resolved(raw, root);
    const kind = kindOf(of, root);
    const inner = kind === 'object' ? of : kind === 'objects' && of.items ? resolved(of.items, root) : null;
    const low = of.exclusiveMinimum !== undefined ? `> ${of.exclusiveMinimum}` : of.minimum !== undefined ? `${of.minimum}` : '';
    return {
      name, kind,
      unit: of['x-unit'] ?? '', help: of.description ?? '', source: of['x-source'] ?? '', default: of.default,
      choices: (of.enum ?? []).map(String), required: s.required?.includes(name) ?? false,
      fields: inner ? fieldsOf(inner, root, depth + 1) : [], oneOf: inner ? oneOfs(inner) : [],
      range: low === '' && of.maximum === undefined ? '' : `${low || '−∞'} … ${of.maximum === undefined || of.maximum >= 1e9 ? '∞' : of.maximum}`,
    };
  });
}

export interface LayerKind {
  kind: string;
  help: string;
  fields: Field[];
  oneOf: string[][];
}

/** Kinds of layers, in the order of the schema. */
export function layerKinds(root: Schema): LayerKind[] {
  const items = root.properties?.layers?.items;
  return (items?.oneOf ?? []).flatMap((one) => {
    const [kind, of] = Object.entries(one.properties ?? {})[0] ?? [];
    return kind && of ? [{ kind, help: one.description ?? resolved(of, root).description ?? '', fields: fieldsOf(of, root), oneOf: oneOfs(resolved(of, root)) }] : [];
  });
}

/** Fields of the scenario itself: all but its layers. */
export const topFields = (root: Schema): Field[] => fieldsOf(root, root).filter((f) => f.name !== 'layers');

/** What stands in an empty field: the default, as it would be written. */
export function placeholderOf(field: Field): string {
  if (field.default === undefined || field.default === null) return '';
  return Array.isArray(field.default) && field.default.every((x) => typeof x !== 'object') ? field.default.join(', ') : typeof field.default === 'object' ? JSON.stringify(field.default) : String(field.default);
}

/** Words of a parameter's name; its unit stands beside it already. */
export const labelOf = (field: Pick<Field, 'name' | 'unit'>): string => (field.unit ? field.name.replace(/_(pct|kw|kwh|kva|kvar|km|h|d|c|deg|v|pu)(_per_(c|km|h))?$/, '') : field.name).replaceAll('_', ' ');

/** A number where it is one; else the text as it stands, which may be a quantity with its unit. */
export function numberOrText(text: string): number | string {
  const trimmed = text.trim();
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed) ? Number(trimmed) : trimmed;
}

/** Words between commas. */
export const listOf = (text: string): string[] => text.split(/[,\n]/).map((x) => x.trim()).filter(Boolean);

/** Paths that a sweep may vary, farther in with more dots: numbers first, then choices and flags. */
export function sweepPaths(layer: string, fields: Field[]): string[] {
  const numbers: string[] = [];
  const others: string[] = [];
  const walk = (prefix: string, list: Field[]) => {
    for (const f of list) {
      if (f.kind === 'number' || f.kind === 'whole') numbers.push(`${prefix}.${f.name}`);
      else if (f.kind === 'choice' || f.kind === 'flag') others.push(`${prefix}.${f.name}`);
      else if (f.kind === 'object') walk(`${prefix}.${f.name}`, f.fields);
    }
  };
  walk(layer, fields);
  return [...numbers, ...others];
}
