/**
 * What callers give: checked, since many of them have no types, and captured, so that nothing that they change after
 * the call changes it.
 */
import { type Rule, check, oneOf, whole } from '../check';
import { GradlensError } from '../errors';
import type { BackwardOptions } from '../gpu/executor';
import { type Captured, type ImageInput, type Images, captured, isPrepared } from '../image/pixels';
import type { GradientOptions, Head, Neuron, RunOptions, TopClasses } from '../options';

type Chosen = GradientOptions['class'] | readonly Neuron[];

export const isNeuron = (chosen: Chosen): chosen is Neuron => typeof chosen === 'object' && 'tensor' in chosen;
export const isNeurons = (chosen: Chosen): chosen is readonly Neuron[] =>
  Array.isArray(chosen) && typeof chosen[0] === 'object';
export const isTop = (chosen: Chosen): chosen is TopClasses => typeof chosen === 'object' && 'top' in chosen;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isOneNeuron = (value: unknown): boolean =>
  isObject(value) && 'tensor' in value && typeof value.tensor === 'string' && 'channel' in value;
const isList = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'number');

/** Kinds of targets, each as a test and in words. */
const TARGETS = {
  class: { says: 'a class by its number', holds: (value: unknown) => typeof value === 'number' },
  classes: { says: 'a list of classes', holds: isList },
  top1: { says: "'top1'", holds: (value: unknown) => value === 'top1' },
  top: {
    says: '{ top: 5 }',
    holds: (value: unknown) =>
      isObject(value) && 'top' in value && (!('also' in value) || value.also === undefined || isList(value.also)),
  },
  neuron: {
    says: "{ tensor: 'conv1', channel: 0 }",
    holds: isOneNeuron,
  },
  neurons: {
    says: 'a list of such neurons',
    holds: (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isOneNeuron),
  },
} satisfies Record<string, Rule>;

/** What may be chosen, by the kinds that a method has. */
export type TargetKind = keyof typeof TARGETS;

const anyOf = (kinds: readonly TargetKind[]): Rule => ({
  says: kinds.map((kind) => TARGETS[kind].says).join(' or '),
  holds: (value) => kinds.some((kind) => TARGETS[kind].holds(value)),
});

/**
 * The `class` of some options.
 *
 * @throws GradlensError `validation` for what is none of these kinds
 */
export function chosenIn<T extends Chosen>(options: { readonly class: T }, ...kinds: readonly TargetKind[]): T {
  const chosen = objectOf('options', options, '{ class }').class;
  check('class', chosen, anyOf(kinds));
  return structuredClone(chosen);
}

/**
 * How ReLUs and the head are differentiated.
 *
 * @throws GradlensError `validation` for what is none of these, and for probabilities of a model without a head
 */
export function rulesOf(
  {
    relu = 'gradient',
    score = 'logit',
  }: {
    readonly relu?: GradientOptions['relu'] | undefined;
    readonly score?: GradientOptions['score'] | undefined;
  },
  head: Head,
): Pick<BackwardOptions, 'relu' | 'score'> {
  check('relu', relu, oneOf('gradient', 'deconvnet', 'guided'));
  check('score', score, oneOf('logit', 'probability'));
  if (score === 'logit') return { relu, score };
  if (head.kind === 'none')
    throw new GradlensError(
      'validation',
      `score is 'probability', but the model has no head (${head.reason}); take the score 'logit', or load the model ` +
        "with head: 'softmax' or 'sigmoid'",
      { head: head.kind },
    );
  return { relu, score: head.kind };
}

/** The options of any call. */
export function runOptionsOf(options: RunOptions): RunOptions {
  const { signal, onProgress } = objectOf('options', options, '{ signal, onProgress }');
  check('signal', signal, {
    says: 'an AbortSignal',
    holds: (value) => value === undefined || (isObject(value) && 'addEventListener' in value && 'aborted' in value),
  });
  check('onProgress', onProgress, {
    says: 'a function',
    holds: (value) => value === undefined || typeof value === 'function',
  });
  return { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) };
}

/** @throws GradlensError `validation` for what is no object */
export function objectOf<T extends object>(argument: string, value: T, says: string): T {
  check(argument, value, { says, holds: isObject });
  return value;
}

const PICTURE: Rule = {
  says:
    'a picture (ImageData, ImageBitmap, canvas, video, Blob, VideoFrame, GPUTexture, { texture, colorSpace } or ' +
    '{ data, width, height } in RGBA bytes) or a prepared { data: Float32Array, shape } or GPUBuffer',
  holds: isObject,
};

/** One picture, checked and captured. */
export function pictureOf(image: ImageInput, argument = 'image'): Captured {
  check(argument, image, PICTURE);
  if (Object.keys(image).length === 0 && Object.getPrototypeOf(image) === Object.prototype)
    check(argument, image, { ...PICTURE, holds: () => false });
  if ('shape' in image) {
    if (!isPrepared(image))
      throw new GradlensError('validation', `the data of a prepared ${argument} is no Float32Array`, { argument });
    check(`the shape of ${argument}`, image.shape, { says: 'a list of extents, [N, C, H, W]', holds: isList });
  }
  return captured(image);
}

/** One picture or several. */
export function picturesOf(images: Images): readonly Captured[] {
  return Array.isArray(images)
    ? (images as readonly ImageInput[]).map((image, k) => pictureOf(image, `image ${k}`))
    : [pictureOf(images as ImageInput)];
}

/** Whether a value is a tensor's name shows later; that it is a name, at once. */
export const tensorOf = (value: string): string => {
  check('tensor', value, { says: 'the name of a tensor', holds: (name) => typeof name === 'string' });
  return value;
};

export const countOf = (argument: string, value: number): number => {
  check(argument, value, whole(1));
  return value;
};
