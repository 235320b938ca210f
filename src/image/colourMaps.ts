/**
 * Colour maps: a number in [0, 1] to sRGB. All but `coolwarm` are for unsigned maps, darkest at 0; `coolwarm` is for
 * signed ones, neutral at ½. Lightness rises steadily (in `coolwarm` towards the middle), also for eyes that do not
 * tell red from green.
 */
export type ColourMapName = 'viridis' | 'cividis' | 'gray' | 'coolwarm';

export const colourMapNames: readonly ColourMapName[] = ['viridis', 'cividis', 'gray', 'coolwarm'];

export type Rgb = readonly [red: number, green: number, blue: number];

/** Whether ½ stands for zero. */
export const isDiverging = (name: ColourMapName): boolean => name === 'coolwarm';

/**
 * Evenly spaced control points. Catmull–Rom curves through them stay within 9 of 255 of the full tables, 0.5 on
 * average.
 */
const POINTS: Readonly<Record<ColourMapName, string>> = {
  viridis:
    '440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26818e 21908c ' +
    '1f9f88 28ae80 3ebc74 5dc963 82d34c abdc32 d5e21a fde725',
  cividis:
    '00224e 002e6a 1a386f 32436d 434e6c 52596d 61656f 6f7073 7c7b78 ' +
    '8b8778 9b9376 aba072 bbad6c ccba64 ddc958 efd748 fee838',
  gray: '000000 ffffff',
  coolwarm:
    '3b4cc0 4d68d7 6282ea 779af7 8db0fe a3c2fe b8d0f9 ccd9ee dddddd ' +
    'ecd3c5 f4c4ad f7b194 f49a7b ec7f63 de604d cb3e38 b40426',
};

/** Read when they are first asked for: whoever imports no colour map takes nothing of this. */
const read = new Map<ColourMapName, readonly Rgb[]>();

function pointsOf(name: ColourMapName): readonly Rgb[] {
  const known = read.get(name) ?? parse(POINTS[name]);
  read.set(name, known);
  return known;
}

/** The colour at `t`, which is clamped to [0, 1]; each component in 0…255, not rounded. */
export function colourAt(name: ColourMapName, t: number): Rgb {
  const points = pointsOf(name);
  const last = points.length - 1;
  const at = Math.min(Math.max(t, 0), 1) * last;
  const i = Math.min(Math.floor(at), last - 1);
  const [b, c] = [points[i]!, points[i + 1]!];
  const a = points[i - 1] ?? mirrored(c, b);
  const d = points[i + 2] ?? mirrored(b, c);
  const component = (k: 0 | 1 | 2): number => Math.min(Math.max(catmullRom(a[k], b[k], c[k], d[k], at - i), 0), 255);
  return [component(0), component(1), component(2)];
}

/** `steps` colours from 0 to 1, RGB bytes: to look up instead of to compute, and to draw a legend. */
export function colourTable(name: ColourMapName, steps = 1024): Uint8Array {
  const key = `${name} ${steps}`;
  const made = tables.get(key);
  if (made) return made;
  const table = new Uint8Array(steps * 3);
  for (let i = 0; i < steps; i++) table.set(colourAt(name, i / (steps - 1)).map(Math.round), i * 3);
  tables.set(key, table);
  return table;
}

/** Made once: a table takes as long as half a map. */
const tables = new Map<string, Uint8Array>();

/** Through b at 0 and c at 1, with the slopes (c − a)/2 and (d − b)/2. */
function catmullRom(a: number, b: number, c: number, d: number, t: number): number {
  return b + (t / 2) * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/** The point beyond `end`, as far from it as `inner`. */
function mirrored(inner: Rgb, end: Rgb): Rgb {
  return [2 * end[0] - inner[0], 2 * end[1] - inner[1], 2 * end[2] - inner[2]];
}

function parse(colours: string): Rgb[] {
  return colours.split(' ').map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb);
}
