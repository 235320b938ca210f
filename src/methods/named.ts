/** The methods of attribution by their names, as programs, the command line and the page offer them. */
import { check, oneOf } from '../check';
import { GradlensError } from '../errors';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { RunOptions, TopClasses } from '../options';
import { ranking } from '../scores';
import * as exported from './all';
import { atCall } from './atCall';
import { type Heatmap, scoresOf } from './heatmap';
import { type MethodOptions, type MethodRecord, type ValuesOf, ruleOf } from './method';

type Exported = (typeof exported)[keyof typeof exported];
type Known = Extract<Exported, { readonly options: MethodOptions; readonly year: number }>;
type Intersection<Union> = (Union extends unknown ? (part: Union) => void : never) extends (whole: infer All) => void
  ? All
  : never;
/** Of each, so that the union has a name of its own in documentation. */
type NameOf<Each> = Each extends { readonly name: infer Name extends string } ? Name : never;
type ValuesOfEach<Each> = Each extends { readonly options: infer Options extends MethodOptions }
  ? ValuesOf<Options>
  : never;

/** `saliency`, `grad-cam`, …: see {@link METHODS}. */
export type MethodName = NameOf<Known>;

/** A method as it is offered. */
export type Method = MethodRecord<MethodName, MethodOptions, MethodValues>;

/** Values of options of any method, by their names. */
export interface MethodValues extends Partial<Intersection<ValuesOfEach<Known>>> {}

/** Names of options: of one method, or of several, where it means the same. */
export type MethodOptionName = keyof MethodValues;

/**
 * Every method, in the order in which they were published.
 *
 * @example
 * ```ts
 * import { METHODS, mapBy } from 'gradlens';
 *
 * const [first] = METHODS; // in the order of their publication
 * console.log(first!.title, first!.meaning, await mapBy(first!.name, model, picture));
 * ```
 */
export const METHODS: readonly Method[] = /* @__PURE__ */ methodsOf(exported);

function methodsOf(values: typeof exported): readonly Method[] {
  return Object.values(values)
    .filter((value): value is Known => typeof value === 'object')
    .sort((a, b) => a.year - b.year || (a.title < b.title ? -1 : 1));
}

/**
 * The method of that name.
 *
 * @throws GradlensError `validation` if there is none
 * @example
 * ```ts
 * import { methodNamed } from 'gradlens';
 *
 * const { title, source, year, meaning } = methodNamed('grad-cam');
 * ```
 */
export function methodNamed(name: string): Method {
  check('method', name, oneOf(...METHODS.map((method) => method.name)));
  return METHODS.find((method) => method.name === name)!;
}

/**
 * The values that a method is called with: those given, else defaults.
 *
 * @param method of {@link METHODS}.
 * @param given by the names of its options.
 * @throws GradlensError `validation` for an option that it does not have, or a value out of range
 * @example
 * ```ts
 * import { methodNamed, valuesOf } from 'gradlens';
 *
 * valuesOf(methodNamed('smoothgrad'), { samples: 8 }); // { samples: 8, noise: 0.15, relu: 'gradient', … }
 * ```
 */
export function valuesOf({ name, options }: Method, given: MethodValues = {}): MethodValues {
  const names = Object.keys(options);
  const values: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(options, option))
      throw new GradlensError(
        'validation',
        `${option} is no option of ${name}, which has ${names.length > 0 ? names.join(', ') : 'none'}`,
        { argument: option },
      );
    check(option, value, ruleOf(options[option]!));
    values[option] = value;
  }
  for (const option of names) {
    const described = options[option]!;
    if ('default' in described) values[option] ??= described.default;
  }
  return values;
}

/**
 * The batch that a model is best loaded with for a method.
 *
 * @throws GradlensError `validation` as {@link valuesOf}
 * @example
 * ```ts
 * import { batchFor } from 'gradlens';
 *
 * const batch = batchFor('saliency', { views: 10 }); // 10: engine.load(net, { batch })
 * ```
 */
export function batchFor(name: MethodName, given?: MethodValues): number {
  const method = methodNamed(name);
  return method.batch(valuesOf(method, given));
}

/** Options of {@link mapBy}: the class, and those of the method. */
export interface MapOptions extends RunOptions, MethodValues {
  /** Default: the class with the highest score. */
  readonly class?: number | 'top1';
}

/**
 * The map of a picture by the method of that name.
 *
 * @throws GradlensError `validation` for a method, an option or a value that there is not; else as the method
 * @example
 * ```ts
 * import { mapBy } from 'gradlens';
 *
 * const map = await mapBy('grad-cam', model, picture, { class: 3 });
 * ```
 */
export async function mapBy(
  name: MethodName,
  model: Model,
  image: ImageInput,
  options: MapOptions = {},
): Promise<Heatmap> {
  const { class: chosen = 'top1', signal, onProgress, ...given } = options;
  const method = methodNamed(name);
  return method.make(model, image, { ...valuesOf(method, given), ...runOf({ signal, onProgress }), class: chosen });
}

/**
 * The maps of a picture's best classes, best first, and of others beside them, each once.
 *
 * @throws GradlensError as {@link mapBy}
 * @example
 * ```ts
 * import { mapsBy } from 'gradlens';
 *
 * const [best, other] = await mapsBy('saliency', model, picture, { class: { top: 1, also: [4] } });
 * ```
 */
export async function mapsBy(
  name: MethodName,
  model: Model,
  image: ImageInput,
  options: Omit<MapOptions, 'class'> & { readonly class: TopClasses },
): Promise<Heatmap[]> {
  [image, options] = await atCall(image, options);
  const { class: chosen, signal, onProgress, ...given } = options;
  const method = methodNamed(name);
  const common = { ...valuesOf(method, given), ...runOf({ signal, onProgress }) };
  const together = method.several?.(model, image, { ...common, class: chosen });
  if (together) return together;
  const best = ranking(await scoresOf(model, image, common)).slice(0, chosen.top);
  const maps: Heatmap[] = [];
  for (const index of new Set([...best, ...(chosen.also ?? [])]))
    maps.push(await method.make(model, image, { ...common, class: index }));
  return maps;
}

type Run = { readonly [name in keyof RunOptions]: RunOptions[name] | undefined };

const runOf = ({ signal, onProgress }: Run): RunOptions => ({
  ...(signal ? { signal } : {}),
  ...(onProgress ? { onProgress } : {}),
});
