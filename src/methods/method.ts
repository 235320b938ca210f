/**
 * What a method of attribution is: one record, which the command line, the page, the reproduction and README read. See
 * "Adding a method" in docs/ARCHITECTURE.md.
 */
import { type Rule, oneOf, whole, within } from '../check';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import type { RunOptions, TopClasses } from '../options';
import type { Heatmap } from './heatmap';

interface Described {
  /** Of its field on the page, in few words. */
  readonly label: string;
  /** Of its flag on the command line: half a sentence. */
  readonly help: string;
}

/** An option that is a number. */
export interface NumberOption extends Described {
  /** What tells the kinds of options apart. */
  readonly kind: 'number';
  /** From the first to the second, both included. */
  readonly range: readonly [least: number, most: number];
  /** Whether only whole numbers count. */
  readonly whole?: boolean;
  /** How far a field's arrows go. */
  readonly step?: number;
  /** What it is if it is left out. */
  readonly default: number;
}

/** An option that is one of several values. */
export interface ChoiceOption extends Described {
  /** What tells the kinds of options apart. */
  readonly kind: 'choice';
  /** Values, and what the page calls them. */
  readonly choices: readonly (readonly [value: string | number, label: string])[];
  /** What a reader of the map has to know of some of them: a sentence, by the value. */
  readonly cautions?: Readonly<Record<string, string>>;
  /** What it is if it is left out. */
  readonly default: string | number;
}

/** Names of tensors inside the network. Which is taken if it is left out depends on the model; `help` says how. */
export interface TensorOption extends Described {
  /** One name, or a list of names. */
  readonly kind: 'tensor' | 'tensors';
}

/** Something that is asked for or not; default: not. */
export interface FlagOption extends Described {
  /** What tells the kinds of options apart. */
  readonly kind: 'flag';
  /** The values of other options that it needs. */
  readonly goesWith: Readonly<Record<string, string | number>>;
}

/** An option of a method, by which programs, the command line and the page ask for it. */
export type MethodOption = NumberOption | ChoiceOption | TensorOption | FlagOption;
/** Options of a method, by their names. */
export type MethodOptions = Readonly<Record<string, MethodOption>>;

type ValueOf<Option extends MethodOption> = Option extends NumberOption
  ? number
  : Option extends ChoiceOption
    ? Option['choices'][number][0]
    : Option extends { readonly kind: 'tensors' }
      ? readonly string[]
      : Option extends FlagOption
        ? boolean
        : string;

/** Values of options: those with a default are there. */
export type ValuesOf<Options extends MethodOptions> = {
  readonly [name in keyof Options as Options[name] extends TensorOption | FlagOption ? never : name]: ValueOf<
    Options[name]
  >;
} & {
  readonly [name in keyof Options as Options[name] extends TensorOption | FlagOption ? name : never]?: ValueOf<
    Options[name]
  >;
};

/**
 * A method of attribution as data: its names, its options, and what makes a map. Those that are offered:
 * {@link METHODS}.
 */
export interface MethodRecord<
  Name extends string = string,
  Options extends MethodOptions = MethodOptions,
  Values = ValuesOf<Options>,
> {
  /** On the command line, in addresses of the page, and as `meta.method` of its maps. */
  readonly name: Name;
  /** For people. */
  readonly title: string;
  /** Who published it. */
  readonly source: string;
  /** Of the publication. */
  readonly year: number;
  /** What a value of its map means, in half a sentence. */
  readonly meaning: string;
  /** How to read its map, for people: what a large value says, what it does not say, and what to take the map for. */
  readonly reading: readonly [says: string, saysNot: string, use: string];
  /** By their names. An option that another method has under the same name differs at most in its words. */
  readonly options: Options;
  /** Whether negative values of its map mean something. */
  signed(values: Values): boolean;
  /** The batch that a model is best loaded with: as many views or samples as one run takes. */
  batch(values: Values): number;
  /** How many passes a map takes, roughly, in gradients of one picture; default 1. */
  passes?(values: Values): number;
  /** The map of one class. */
  make(
    model: Model,
    image: ImageInput,
    options: Values & { readonly class: number | 'top1' } & RunOptions,
  ): Promise<Heatmap>;
  /** The maps of several classes from one forward pass; null where, with these values, each takes its own. */
  several?(
    model: Model,
    image: ImageInput,
    options: Values & { readonly class: TopClasses } & RunOptions,
  ): Promise<Heatmap[]> | null;
  /**
   * Maps of several pictures from one run of the model, each an item of the batch; null if, with these values, each
   * picture takes runs of its own.
   */
  ofBatch?(values: Values): OfBatch | null;
  /** Settings that comparisons show beside the default, by their titles. */
  readonly variants?: Readonly<Record<string, Partial<Values>>>;
}

/** Makes the maps of at most as many pictures as the model's batch. */
export type OfBatch = (
  model: Model,
  images: readonly ImageInput[],
  options: { readonly class: number | 'top1' } & RunOptions,
) => Promise<Heatmap[]>;

/** Samples, or variants of a picture, that fill one run of a model without waiting for each other. */
export const SAMPLES_AT_ONCE = 8;

/**
 * A method's record, its types taken from what it says.
 *
 * @__NO_SIDE_EFFECTS__
 */
export function method<const Name extends string, const Options extends MethodOptions>(
  record: MethodRecord<Name, Options>,
): MethodRecord<Name, Options> {
  return record;
}

/**
 * What a reader of a map has to know of the values that it was made with: a sentence each.
 *
 * @example
 * ```ts
 * import { cautionsOf, methodNamed } from 'gradlens';
 *
 * const sentences = cautionsOf(methodNamed('saliency').options, { relu: 'guided' });
 * ```
 */
export function cautionsOf(options: MethodOptions, values: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(options).flatMap(([name, option]) => {
    const caution = option.kind === 'choice' ? option.cautions?.[String(values[name])] : undefined;
    return caution === undefined ? [] : [caution];
  });
}

/** What a value of the option has to be. */
export function ruleOf(option: MethodOption): Rule {
  const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';
  switch (option.kind) {
    case 'number':
      return (option.whole ? whole : within)(...option.range);
    case 'choice':
      return oneOf(...option.choices.map(([value]) => value));
    case 'flag':
      return oneOf(true, false);
    case 'tensor':
      return { says: 'the name of a tensor', holds: isName };
    case 'tensors':
      return {
        says: 'a list of names of tensors',
        holds: (value) => Array.isArray(value) && value.length > 0 && value.every(isName),
      };
  }
}
