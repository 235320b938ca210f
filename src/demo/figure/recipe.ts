/**
 * What is shown on the page, as others can make it: a command, and a few lines of code. Both are made from one
 * description, and give the page's own numbers.
 */
import {
  CLASS_MODEL_PRESETS,
  type ClassModelPreset,
  type MethodName,
  type MethodValues,
  type Neuron,
  type PresetName,
  SEGMENT_PRESETS,
  type SegmentPreset,
  batchFor,
  methodNamed,
  valuesOf,
} from '../../index';

/** A net as the command line and the library find it. */
export interface NetChoice {
  /** A name that both know, or a file's. */
  readonly name: string;
  readonly isFile: boolean;
  readonly prep?: PresetName;
  readonly size?: readonly [height: number, width: number];
  readonly output?: string;
  readonly head?: string;
  /** Whether what it sees of a picture is another rectangle than the whole. */
  readonly cropsOrPads: boolean;
}

export interface MapChoice {
  readonly what: 'map';
  readonly picture: string;
  readonly class: number;
  readonly method: MethodName;
  readonly values: MethodValues;
  readonly colours: string;
  readonly percentile: number;
}

export interface CutChoice extends Omit<MapChoice, 'what' | 'colours' | 'percentile'> {
  readonly what: 'cut';
  readonly preset: SegmentPreset;
  readonly options: Readonly<Record<string, number | string | boolean>>;
  /** Of the map, in pixels: a preset's blur goes by it. */
  readonly mapWidth: number;
}

export interface AscentChoice {
  readonly what: 'class model';
  readonly target: readonly number[] | Neuron;
  readonly preset: ClassModelPreset;
  readonly options: Readonly<Record<string, number | string | boolean>>;
}

export type Choice = { readonly net: NetChoice } & (MapChoice | CutChoice | AscentChoice);

/** For a POSIX shell. */
export function commandOf(choice: Choice): string {
  const { net } = choice;
  const words = ['npx', 'gradlens'];
  if (choice.what === 'class model') {
    words.push('class-model', ...netWords(net), ...targetWords(choice.target), '--preset', choice.preset);
    for (const [name, value] of ascentOptionsOf(choice)) words.push(`--${dashed(name)}`, String(value));
    words.push('--out', "'out/{class}.png'", '--npy');
    return words.join(' ');
  }
  words.push(choice.what === 'map' ? 'saliency' : 'segment', quoted(choice.picture), ...netWords(net));
  words.push('--class', String(choice.class));
  if (choice.method !== 'saliency') words.push('--method', choice.method);
  for (const [name, value] of othersThan(defaultsOf(choice.method), choice.values))
    words.push(`--${name}`, ...(value === true ? [] : [`${value}`]));
  if (choice.what === 'cut') {
    words.push('--preset', choice.preset);
    for (const [name, value] of cutOptionsOf(choice))
      words.push(`--${dashed(name)}`, ...(value === true ? [] : [String(value)]));
  } else {
    const { colours, percentile } = choice;
    const isSigned = methodNamed(choice.method).signed(valuesOf(methodNamed(choice.method), choice.values));
    if (colours !== 'viridis' && !isSigned) words.push('--cmap', colours);
    if (percentile !== 99) words.push('--percentile', String(percentile));
    words.push('--npy');
  }
  return words.join(' ');
}

/** For Node, as a module. */
export function codeOf(choice: Choice): string {
  const { net } = choice;
  const isOf = (...names: string[]): string => `import { ${names.join(', ')} } from 'gradlens';`;
  const node = ['createNodeEngine', ...(net.isFile ? ['fileAddress'] : [])];
  if (choice.what !== 'class model') node.push('readImage');
  const load = (batch: number): string => {
    const given = { ...netOptions(net), ...(batch > 1 ? { batch } : {}) };
    const source = net.isFile ? `fileAddress(${string(net.name)})` : string(net.name);
    return `const model = await engine.load(${source}${Object.keys(given).length > 0 ? `, ${literal(given)}` : ''});`;
  };
  const head = (names: string[], batch: number): string[] => [
    isOf(...names),
    `import { ${node.join(', ')} } from 'gradlens/node';`,
    '',
    'const engine = await createNodeEngine();',
    load(batch),
  ];
  if (choice.what === 'class model') {
    const { target, preset } = choice;
    const options = {
      class: 'tensor' in target ? target : target.length === 1 ? target[0] : target,
      preset,
      ...Object.fromEntries(ascentOptionsOf(choice)),
    };
    return lines([
      ...head(['classModel'], 'tensor' in target ? 1 : target.length),
      `const run = classModel(model, ${literal(options)});`,
      'let step = await run.next();',
      'while (!step.done) step = await run.next();',
      'console.log(step.value.scores[0].at(-1), step.value.data);',
      'engine.dispose();',
    ]);
  }
  const { picture, method, values } = choice;
  const given = { class: choice.class, ...Object.fromEntries(othersThan(defaultsOf(method), values)) };
  const isCut = choice.what === 'cut';
  const names = ['mapBy', ...(isCut ? ['segment'] : []), ...(isCut && net.cropsOrPads ? ['placementOf'] : [])];
  return lines([
    ...head(names, batchFor(method, values)),
    `const picture = await readImage(${string(picture)});`,
    `const map = await mapBy(${string(method)}, model, picture, ${literal(given)});`,
    ...(isCut
      ? [
          `const cut = await segment(picture, map, ${cutLiteral(choice, net)});`,
          'console.log(cut.box, cut.energy, cut.mask);',
        ]
      : ['console.log(model.labelOf(map.class), map.score, map.data);']),
    'engine.dispose();',
  ]);
}

function cutLiteral(choice: CutChoice, { cropsOrPads }: NetChoice): string {
  const options = { preset: choice.preset, ...Object.fromEntries(cutOptionsOf(choice)) };
  return cropsOrPads
    ? literal(options).replace(/ \}$/, ', placement: placementOf(picture, model.input) }')
    : literal(options);
}

const CUT_DEFAULTS = { components: 5, lambda: 50, neighbours: 8, hardSeeds: false };

const cutOptionsOf = ({ preset, options, mapWidth }: CutChoice): [string, number | string | boolean][] =>
  othersThan({ ...CUT_DEFAULTS, ...SEGMENT_PRESETS[preset]({ width: mapWidth }) }, options);

const ascentOptionsOf = ({ preset, options }: AscentChoice): [string, number | string | boolean][] =>
  othersThan({ ...CLASS_MODEL_PRESETS[preset], score: 'logit' }, options);

const defaultsOf = (method: MethodName): Readonly<Record<string, unknown>> => valuesOf(methodNamed(method));

/** Those that differ from what stands there anyway. */
function othersThan(defaults: object, given: object): [string, number | string | boolean][] {
  const known = defaults as Readonly<Record<string, unknown>>;
  return (Object.entries(given) as [string, number | string | boolean | undefined][]).filter(
    (entry): entry is [string, number | string | boolean] => entry[1] !== undefined && entry[1] !== known[entry[0]],
  );
}

function netWords({ name, isFile, prep, size, output, head }: NetChoice): string[] {
  return [
    '--model',
    quoted(isFile && !/[/\\]/.test(name) ? `./${name}` : name),
    ...(prep ? ['--prep', prep] : []),
    ...(size ? ['--size', size.join('x')] : []),
    ...(output === undefined ? [] : ['--output', quoted(output)]),
    ...(head === undefined ? [] : ['--head', head]),
  ];
}

const netOptions = ({ prep, size, output, head }: NetChoice): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries({ prep, size, output, head }).filter(([, value]) => value !== undefined));

function targetWords(target: AscentChoice['target']): string[] {
  if (!('tensor' in target)) return ['--class', target.join(',')];
  const { tensor, channel, y, x } = target;
  return ['--neuron', quoted([tensor, channel, ...(y === undefined || x === undefined ? [] : [y, x])].join(':'))];
}

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** As a shell takes it for one word. */
export const quoted = (word: string): string =>
  /^[\w./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

const string = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

function literal(value: unknown): string {
  if (typeof value === 'string') return string(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).map(([name, own]) => `${name}: ${literal(own)}`);
  return `{ ${fields.join(', ')} }`;
}

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;
