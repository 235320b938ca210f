/**
 * The options of a benchmark as text: the query of the page and the flags of the commands have the same names and
 * meanings.
 */
import { type ContenderName, contenderNames } from './contenders/names';
import { type NetworkName, type Precision, type What, networkNames, precisions, whats } from './networks';
import { type BenchOptions, DEFAULT_OPTIONS } from './run';

/** One entry per option: how it is read and written. Lists are separated by commas. */
const OPTIONS: {
  readonly [K in OptionName]: {
    readonly read: (text: string) => Partial<BenchOptions>;
    readonly write: (options: BenchOptions) => string;
  };
} = {
  net: { read: (text) => ({ nets: among<NetworkName>('net', text, networkNames) }), write: ({ nets }) => nets.join() },
  batch: {
    read: (text) => ({ batches: text.split(',').map((part) => positive('batch', part, true)) }),
    write: ({ batches }) => batches.join(),
  },
  what: { read: (text) => ({ what: among<What>('what', text, whats) }), write: ({ what }) => what.join() },
  precision: {
    read: (text) => ({ precisions: among<Precision>('precision', text, precisions) }),
    write: (options) => options.precisions.join(),
  },
  contenders: {
    read: (text) => ({
      contenders: text === 'all' ? contenderNames : among<ContenderName>('contenders', text, contenderNames),
    }),
    write: ({ contenders }) => contenders.join(),
  },
  runs: { read: (text) => ({ runs: positive('runs', text, true) }), write: ({ runs }) => String(runs) },
  seconds: { read: (text) => ({ seconds: positive('seconds', text) }), write: ({ seconds }) => String(seconds) },
  'warm-up': {
    read: (text) => ({ warmUpSeconds: positive('warm-up', text) }),
    write: ({ warmUpSeconds }) => String(warmUpSeconds),
  },
  probe: { read: (text) => ({ probe: isOn('probe', text) }), write: ({ probe }) => (probe ? '1' : '0') },
  layers: { read: (text) => ({ layers: isOn('layers', text) }), write: ({ layers }) => (layers ? '1' : '0') },
};

type OptionName =
  | 'net'
  | 'batch'
  | 'what'
  | 'precision'
  | 'contenders'
  | 'runs'
  | 'seconds'
  | 'warm-up'
  | 'probe'
  | 'layers';

export const optionNames = Object.keys(OPTIONS) as OptionName[];

/** What the text says, the rest by default, and a sentence for everything that was not understood. */
export function parseOptions(
  entries: Iterable<readonly [name: string, value: string]>,
  known: readonly string[] = [],
): { options: BenchOptions; problems: string[] } {
  let options = DEFAULT_OPTIONS;
  const problems: string[] = [];
  for (const [name, value] of entries) {
    if (known.includes(name)) continue;
    const option = OPTIONS[name as OptionName] as (typeof OPTIONS)[OptionName] | undefined;
    try {
      if (!option) throw new Error(`there is no option '${name}'; there are ${[...optionNames, ...known].join(', ')}`);
      options = { ...options, ...option.read(value) };
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return { options, problems };
}

/** Only what differs from the defaults. */
export function writeOptions(options: BenchOptions): URLSearchParams {
  return new URLSearchParams(
    optionNames
      .map((name) => [name, OPTIONS[name].write(options)])
      .filter(([name, value]) => value !== OPTIONS[name as OptionName].write(DEFAULT_OPTIONS)),
  );
}

function among<T extends string>(option: string, text: string, names: readonly T[]): T[] {
  const chosen = text.split(',');
  const wrong = chosen.find((name) => !(names as readonly string[]).includes(name));
  if (wrong !== undefined) throw new Error(`${option}: there is no '${wrong}'; there are ${names.join(', ')}`);
  return names.filter((name) => chosen.includes(name));
}

const isOn = (option: string, text: string): boolean => among(option, text, ['0', '1'])[0] === '1';

function positive(option: string, text: string, whole = false): number {
  const value = Number(text);
  if (!(value > 0) || (whole && !Number.isInteger(value)))
    throw new Error(`${option}: '${text}' is not a ${whole ? 'whole ' : ''}number above 0`);
  return value;
}
