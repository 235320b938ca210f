/** From `--method`, and the options of each method, to maps. */
import type { ArgsDef } from 'citty';
import type { Pixels } from '../image/pixels';
import {
  type Heatmap,
  type ImageInput,
  METHODS,
  type Method,
  type MethodName,
  type MethodOption,
  type MethodOptionName,
  type MethodValues,
  type Model,
  type RunOptions,
  batchFor,
  mapBy,
  mapsBy,
  valuesOf,
} from '../index';
import { numberOption } from './args';
import { UsageError } from './failure';
import type { Session } from './session';

const having = (option: string): readonly Method[] => METHODS.filter(({ options }) => Object.hasOwn(options, option));
const namesOf = (methods: readonly Method[]): string => methods.map(({ name }) => name).join(' or ');

/** What of a value stands in the help. */
function hintOf(option: MethodOption): string {
  switch (option.kind) {
    case 'number':
      return option.whole ? 'N' : 'X';
    case 'choice':
      return option.choices.map(([value]) => value).join('|');
    case 'flag':
      return '';
    case 'tensor':
      return 'NAME';
    case 'tensors':
      return 'A,B';
  }
}

/** A flag stands for the option of that name of every method that has one. */
function flagOf(name: string) {
  const owners = having(name);
  const option = owners[0]!.options[name]!;
  const helpOf = ({ options }: Method): string => options[name]!.help;
  const helps = [...new Set(owners.map(helpOf))]
    .map((help) => `of ${namesOf(owners.filter((method) => helpOf(method) === help))}: ${help}`)
    .join('; ');
  const description = 'default' in option ? `${helps} (default: ${option.default})` : helps;
  if (option.kind === 'flag') return { type: 'boolean', description } as const;
  return { type: 'string', valueHint: hintOf(option), description } as const;
}

type Flag = ReturnType<typeof flagOf>;

export const methodOptions = {
  method: {
    type: 'string',
    valueHint: 'NAME',
    description: `the paper's map, saliency (default), or one of ${METHODS.slice(1)
      .map(({ name }) => name)
      .join(', ')}`,
  },
  ...(Object.fromEntries(
    [...new Set(METHODS.flatMap(({ options }) => Object.keys(options)))].map((name) => [name, flagOf(name)]),
  ) as Readonly<Record<MethodOptionName, Flag>>),
} as const satisfies ArgsDef;

type MethodArgs = { readonly [name in keyof typeof methodOptions]?: string | boolean | undefined };

export interface MapMaker {
  /** What the model is to be loaded with. */
  readonly batch: number;
  readonly method: MethodName;
  /** As options of results have it. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Whether several pictures share a run of the model. */
  readonly together: boolean;
  make(model: Model, picture: ImageInput, chosen: number | 'top1', options: RunOptions): Promise<Heatmap>;
  /** Of one picture, or if they share runs of as many as the model's batch. */
  makeAll(
    model: Model,
    pictures: readonly ImageInput[],
    chosen: number | 'top1',
    options: RunOptions,
  ): Promise<readonly Heatmap[]>;
  /** The maps of the best classes, best first, and of one more if it is not among them. */
  best(model: Model, picture: Pixels, top: number, also: number, options: RunOptions): Promise<Heatmap[]>;
}

/** @throws UsageError for values out of range, and options that the method does not have */
export function mapMakerOf(args: MethodArgs, byDefault: MethodName = 'saliency'): MapMaker {
  const wanted = args.method ?? byDefault;
  const method = METHODS.find(({ name }) => name === wanted);
  if (!method) throw new UsageError(`--method is '${wanted}'; it can be ${METHODS.map(({ name }) => name).join(', ')}`);
  const given: Record<string, unknown> = {};
  for (const option of Object.keys(methodOptions) as (keyof MethodArgs)[]) {
    const text = args[option];
    if (option === 'method' || text === undefined || text === false) continue;
    const described = method.options[option];
    if (!described)
      throw new UsageError(`--${option} goes with --method ${namesOf(having(option))}, not ${method.name}`);
    given[option] = readOption(option, described, String(text));
  }
  const values: MethodValues = valuesOf(method, given);
  const { name } = method;
  const ofBatch = method.ofBatch?.(values) ?? null;
  const make: MapMaker['make'] = (model, picture, chosen, options) =>
    mapBy(name, model, picture, { ...options, ...values, class: chosen });
  return {
    batch: batchFor(name, given),
    method: name,
    parameters: { method: name, ...values },
    together: ofBatch !== null,
    make,
    makeAll: (model, pictures, chosen, options) =>
      ofBatch
        ? ofBatch(model, pictures, { ...options, class: chosen })
        : Promise.all(pictures.map((picture) => make(model, picture, chosen, options))),
    best: (model, picture, top, also, options) =>
      mapsBy(name, model, picture, { ...options, ...values, class: { top, also: [also] } }),
  };
}

/** Says that a map shows nothing, and the probable reason. */
export function noteFlat(path: string, { flat }: Heatmap, { note }: Pick<Session, 'note'>): void {
  if (flat) note(`${path}: the map is ${flat.value} everywhere: ${flat.message}`);
}

/** @throws UsageError */
function readOption(name: string, option: MethodOption, text: string): unknown {
  switch (option.kind) {
    case 'number':
      return numberOption(name, text, ...option.range, option.whole);
    case 'choice': {
      const values = option.choices.map(([value]) => value);
      const found = values.find((value) => String(value) === text);
      if (found === undefined) throw new UsageError(`--${name} is '${text}'; it can be ${values.join(', ')}`);
      return found;
    }
    case 'flag':
      return true;
    case 'tensor':
      return text;
    case 'tensors':
      return text.split(',');
  }
}
