/**
 * Symbols of equipment after IEC 60617 and IEEE 315, in a box of 24 by 24 around (0, 0) with terminals above and below.
 * One drawing serves the single-line diagram (SVG) and the map (an atlas drawn from the same paths).
 */

export interface Symbol {
  /** Outline, drawn with the colour of the element. */
  stroke: string;
  /** Parts that are filled with it. */
  fill?: string;
  /** Letter in the middle. */
  letter?: string;
  name: string;
}

const circle = (x: number, y: number, r: number) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;

export const SYMBOLS: Record<string, Symbol> = {
  bus: { name: 'Bus', stroke: 'M-12 0H12', fill: 'M-12 -1.5H12V1.5H-12z' },
  node: { name: 'Node', stroke: '', fill: circle(0, 0, 3) },
  source: { name: 'Source', stroke: `${circle(0, 0, 9)}M-5 0c1.700 -5 3.300 -5 5 0s3.300 5 5 0M0 9V12` },
  transformer: { name: 'Transformer', stroke: `${circle(0, -4, 6)}${circle(0, 4, 6)}M0 -12V-10M0 10V12` },
  transformer3: { name: 'Transformer with three windings', stroke: `${circle(0, -5, 5.5)}${circle(-4, 3, 5.5)}${circle(4, 3, 5.5)}M0 -12V-10.500M-4 8.500V12M4 8.500V12` },
  transformer3side: { name: 'Transformer with three windings', stroke: `${circle(0, -4.5, 5.5)}${circle(0, 4.5, 5.5)}${circle(7, 0, 5.5)}M0 -12V-10M0 10V12M12.5 0H16` },
  arrester: { name: 'Surge arrester', stroke: 'M0 -12V-3M-4.500 -9H4.500V8H-4.500zM0 8V12M-4 12H4', fill: 'M-3 -4H3L0 2z' },
  ct: { name: 'Current transformer', stroke: `M0 -12V12${circle(0, 0, 6)}M6 0H11` },
  vt: { name: 'Voltage transformer', stroke: `M0 -12V-8${circle(0, -3.5, 4.5)}${circle(0, 3, 4.5)}` },
  autotransformer: { name: 'Autotransformer', stroke: `${circle(0, 2, 7)}M0 -12V-5M0 9V12M-9 -2a9 9 0 0 1 9 -5` },
  regulator: { name: 'Voltage regulator', stroke: `${circle(0, 0, 7)}M0 -12V-7M0 7V12M-8 8 8 -8M8 -8 3.500 -7M8 -8 7 -3.500` },
  breaker_closed: { name: 'Breaker, closed', stroke: 'M0 -12V-6M0 6V12M-6 -6H6V6H-6z', fill: 'M-6 -6H6V6H-6z' },
  breaker_open: { name: 'Breaker, open', stroke: 'M0 -12V-6M0 6V12M-6 -6H6V6H-6z' },
  switch_closed: { name: 'Switch, closed', stroke: 'M0 -12V12M-4 -7H4M-4 7H4', fill: circle(0, -7, 2) + circle(0, 7, 2) },
  switch_open: { name: 'Switch, open', stroke: `M0 -12V-7M0 12V7L8 -6M-4 -7H4${circle(0, 7, 2)}` },
  recloser_closed: { name: 'Recloser, closed', stroke: `M0 -12V-8M0 8V12${circle(0, 0, 8)}`, fill: circle(0, 0, 8), letter: 'R' },
  recloser_open: { name: 'Recloser, open', stroke: `M0 -12V-8M0 8V12${circle(0, 0, 8)}`, letter: 'R' },
  fuse_closed: { name: 'Fuse', stroke: 'M0 -12V12M-4 -8H4V8H-4z' },
  fuse_open: { name: 'Fuse, open', stroke: 'M0 -12V-8M0 8V12M-4 -8H4V8H-4z' },
  load: { name: 'Load', stroke: 'M0 -12V4M-6 2 0 11 6 2z', fill: 'M-6 2 0 11 6 2z' },
  generator: { name: 'Generator', stroke: `${circle(0, 1, 9)}M0 -8V-12`, letter: 'G' },
  motor: { name: 'Motor', stroke: `${circle(0, 1, 9)}M0 -8V-12`, letter: 'M' },
  pv: { name: 'Photovoltaic system', stroke: 'M-9 -7H9V9H-9zM-9 -7 0 2 9 -7M0 -12V-7' },
  storage: { name: 'Storage', stroke: 'M0 -12V-5M-9 -5H9M-5 0H5M-9 5H9M-5 10H5' },
  capacitor: { name: 'Capacitor', stroke: 'M0 -12V-2.500M-9 -2.500H9M-9 2.500H9M0 2.500V6M-5 6H5M-3 9H3M-1 12H1' },
  reactor: { name: 'Reactor', stroke: 'M0 -12V-7M0 7V12M0 -7a7 7 0 1 1 -7 7H0V7' },
  inverter: { name: 'Inverter', stroke: 'M-9 -9H9V9H-9zM-9 9 9 -9M-6 -5H-1M2 5c1 -2.500 2 -2.500 3 0s2 2.500 3 0' },
  ground: { name: 'Earth', stroke: 'M0 -12V0M-8 0H8M-5 4H5M-2 8H2' },
  fault: { name: 'Fault', stroke: 'M2 -12 -4 1H3L-2 12M-2 12-4 7M-2 12 3 9' },
  meter: { name: 'Meter', stroke: circle(0, 0, 8), letter: 'M' },
  line: { name: 'Line', stroke: 'M0 -12V12' },
  more: { name: 'More', stroke: `${circle(0, 0, 8)}`, fill: circle(-4, 0, 1.3) + circle(0, 0, 1.3) + circle(4, 0, 1.3) },
  other: { name: 'Element', stroke: 'M-7 -7H7V7H-7z' },
};

const NAMES: [RegExp, string][] = [
  [/source|^(source|circuit|slack|infeed|external)/, 'source'],
  [/^transformer3side/, 'transformer3side'],
  [/arrester/, 'arrester'],
  [/current_transformer/, 'ct'],
  [/voltage_transformer/, 'vt'],
  [/^transformer3|three.?winding/, 'transformer3'],
  [/regul|regcontrol/, 'regulator'],
  [/autotrans/, 'autotransformer'],
  [/trans|xfmr/, 'transformer'],
  [/breaker/, 'breaker'],
  [/reclos/, 'recloser'],
  [/fuse/, 'fuse'],
  [/switch|disconnect|isolat|section/, 'switch'],
  [/pv|solar|photovolt/, 'pv'],
  [/stor|batter/, 'storage'],
  [/motor|indmach|induction/, 'motor'],
  [/load|consumer/, 'load'],
  [/gen|machine/, 'generator'],
  [/capac|shunt/, 'capacitor'],
  [/react/, 'reactor'],
  [/invert|converter/, 'inverter'],
  [/ground|earth/, 'ground'],
  [/fault/, 'fault'],
  [/meter|monitor/, 'meter'],
  [/^node$/, 'node'],
  [/bus/, 'bus'],
  [/line|cable/, 'line'],
  [/more/, 'more'],
];

const SWITCHING = new Set(['breaker', 'recloser', 'fuse', 'switch']);

/** The symbol of a class or kind; a switching device is drawn open or closed. */
export function symbolKey(cls: string, isOpen: boolean): string {
  const name = cls.toLowerCase();
  const kind = NAMES.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
  return SWITCHING.has(kind) ? `${kind}_${isOpen ? 'open' : 'closed'}` : kind;
}

export function symbolOf(cls: string, isOpen = false): Symbol {
  return SYMBOLS[symbolKey(cls, isOpen)] as Symbol;
}

/** All symbols in one picture for the map, white for tinting. */
export function atlas(pixels = 64): { image: HTMLCanvasElement; mapping: Record<string, { x: number; y: number; width: number; height: number; mask: boolean }> } {
  const keys = Object.keys(SYMBOLS);
  const columns = 8;
  const image = document.createElement('canvas');
  image.width = columns * pixels;
  image.height = Math.ceil(keys.length / columns) * pixels;
  const to = image.getContext('2d');
  const mapping: Record<string, { x: number; y: number; width: number; height: number; mask: boolean }> = {};
  keys.forEach((key, i) => {
    const x = (i % columns) * pixels;
    const y = Math.floor(i / columns) * pixels;
    mapping[key] = { x, y, width: pixels, height: pixels, mask: true };
    const symbol = SYMBOLS[key];
    if (!to || !symbol) return;
    to.save();
    to.translate(x + pixels / 2, y + pixels / 2);
    to.scale(pixels / 28, pixels / 28);
    to.lineWidth = 2.2;
    to.lineCap = 'round';
    to.lineJoin = 'round';
    to.strokeStyle = '#fff';
    to.fillStyle = '#fff';
    if (symbol.fill) to.fill(new Path2D(symbol.fill));
    if (symbol.stroke) to.stroke(new Path2D(symbol.stroke));
    if (symbol.letter) {
      to.font = 'bold 11px sans-serif';
      to.textAlign = 'center';
      to.textBaseline = 'middle';
      if (symbol.fill) to.globalCompositeOperation = 'destination-out';
      to.fillText(symbol.letter, 0, 1);
    }
    to.restore();
  });
  return { image, mapping };
}
