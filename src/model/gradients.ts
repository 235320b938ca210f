/** How gradients come about: what is recorded, submitted and read, each in as few submits as it can be. */
import type { Device } from '../gpu/device';
import type { BackwardOptions, Executor } from '../gpu/executor';
import type { Inputs } from '../gpu/inputs';
import type { Readback } from '../gpu/readback';
import type { ImageInput } from '../image/pixels';
import type { InputGradient, LayerGradient, Neuron, RunOptions, TopClasses } from '../options';
import type { Executors } from './executors';
import { finite, firstItemFrom, joined, neuronsFrom, scoresFrom } from './results';
import { type Classes, bestPassesOf, neuronIn, passesOf, targetsOf } from './targets';

/** Where it happens. `inputs` holds the pictures. */
export interface Parts {
  readonly device: Device;
  readonly inputs: Inputs;
  readonly readback: Readback;
  readonly executors: Executors;
  /** Of the class scores. */
  readonly executor: Executor;
}

/** How ReLUs and soft-max are differentiated. */
export type Rules = Pick<BackwardOptions, 'relu' | 'score'>;

/** Scores `[N × classes]`. */
export async function forward({ inputs, readback, executor }: Parts): Promise<Float32Array> {
  const { plan } = executor;
  const { bytes } = plan.scores.storage;
  const [stored] = await readback.run(
    'scores',
    bytes,
    (encoder, read) => {
      inputs.encode(encoder, executor.input);
      executor.encodeForward(encoder);
      read(executor.scores, bytes);
    },
    inputs.check,
  );
  return scoresFrom(stored!, plan);
}

/** What a gradient is, but for how it was computed. */
type Found = Omit<InputGradient, 'precision'>;

/** Of classes that the caller names: all in one submit, and one forward pass for all. */
export async function classGradients(
  { inputs, readback, executor }: Parts,
  chosen: number | readonly number[],
  rules: Rules,
): Promise<Found> {
  const { plan } = executor;
  const passes = passesOf(plan, chosen);
  const [scoreBytes, gradientBytes] = [plan.scores.storage.bytes, plan.gradient.bytes];
  const [stored, ...gradients] = await readback.run(
    'gradient',
    scoreBytes + passes.length * gradientBytes,
    (encoder, read) => {
      inputs.encode(encoder, executor.input);
      passes.forEach((classes, k) => {
        encodePass(encoder, executor, classes, rules, k === 0);
        if (k === 0) read(executor.scores, scoreBytes);
        read(executor.gradient, gradientBytes);
      });
    },
    inputs.check,
  );
  return { scores: scoresFrom(stored!, plan), gradient: finite(joined(gradients)), classes: passes.flat() };
}

/**
 * Of the classes that score best, which has to be known first. `disturbed`, asked before the second submit: whether
 * something else may have run on the executor since the first, so that what the forward pass saved has to be made
 * again.
 */
export async function bestGradients(
  parts: Parts,
  chosen: 'top1' | TopClasses,
  rules: Rules,
  disturbed: () => boolean,
): Promise<Found> {
  const { inputs, readback, executor } = parts;
  const { bytes } = executor.plan.gradient;
  const scores = await forward(parts);
  const passes = bestPassesOf(executor.plan, scores, chosen);
  const gradients = await readback.run('gradient', passes.length * bytes, (encoder, read) => {
    const again = disturbed();
    if (again) inputs.encode(encoder, executor.input);
    passes.forEach((classes, k) => {
      encodePass(encoder, executor, classes, rules, again && k === 0);
      read(executor.gradient, bytes);
    });
  });
  return { scores, gradient: finite(joined(gradients)), classes: passes.flat() };
}

type Encoder = Parameters<Executor['encodeBoth']>[0];

/** A backward pass, and the forward pass before it if nothing is there yet. */
export function encodePass(
  encoder: Encoder,
  executor: Executor,
  classes: Classes,
  rules: Rules,
  withForward: boolean,
): void {
  const backward: BackwardOptions = { targets: targetsOf(classes), ...rules };
  if (withForward) executor.encodeBoth(encoder, backward);
  else executor.encodeBackward(encoder, backward);
}

/** Of one neuron anywhere in the network. */
export async function neuronGradient(
  { inputs, readback, executors }: Parts,
  neuron: Neuron,
  { relu }: Rules,
  options: RunOptions,
): Promise<Found> {
  const executor = await executors.ofTensor(neuron.tensor, options);
  const { plan } = executor;
  const target = neuronIn(plan, neuron);
  const { bytes } = plan.scores.storage;
  const [values, gradient] = await readback.run(
    'gradient',
    bytes + plan.gradient.bytes,
    (encoder, read) => {
      inputs.encode(encoder, executor.input);
      executor.encodeBoth(encoder, { targets: Array.from({ length: plan.batch }, () => target), relu, score: 'logit' });
      read(executor.scores, bytes);
      read(executor.gradient, plan.gradient.bytes);
    },
    inputs.check,
  );
  return { scores: neuronsFrom(values!, plan, neuron), gradient: finite(gradient!), classes: [] };
}

/**
 * Of classes with respect to a tensor inside the network: the network up to there, then the rest of it as a network of
 * its own.
 */
export async function layerGradient(
  { device, inputs, readback, executors, executor: { plan } }: Parts,
  image: ImageInput,
  tensor: string,
  chosen: number | readonly number[] | 'top1' | TopClasses,
  options: RunOptions,
): Promise<LayerGradient> {
  const { batch } = plan;
  const head = await executors.ofTensor(tensor, options);
  const { C, H, W, block, storage } = head.plan.scores;
  const rest = await executors.after(tensor, { C, H, W }, options);
  await inputs.fill(Array.from({ length: batch }, () => image));
  const [stored] = await readback.run('layer', storage.bytes, (encoder, read) => {
    inputs.encode(encoder, head.input);
    head.encodeForward(encoder);
    read(head.scores, storage.bytes);
  });
  const activations = firstItemFrom(stored!, { C, H, W, block });
  await device.guard('layer', () => {
    for (let n = 0; n < batch; n++)
      device.gpu.queue.writeBuffer(rest.input, n * activations.byteLength, activations as Float32Array<ArrayBuffer>);
  });
  const { bytes } = rest.plan.scores.storage;
  const [storedScores] = await readback.run('scores', bytes, (encoder, read) => {
    rest.encodeForward(encoder);
    read(rest.scores, bytes);
  });
  const scores = scoresFrom(storedScores!, rest.plan);
  const named = typeof chosen === 'number' || Array.isArray(chosen);
  const passes = named
    ? passesOf(plan, chosen as number | readonly number[])
    : bestPassesOf(plan, scores, chosen as 'top1' | TopClasses);
  const gradients = await readback.run('layer', passes.length * activations.byteLength, (encoder, read) => {
    for (const classes of passes) {
      encodePass(encoder, rest, classes, { relu: 'gradient', score: 'logit' }, false);
      read(rest.gradient, activations.byteLength);
    }
  });
  return {
    extents: { C, H, W },
    activations,
    gradient: finite(joined(gradients)),
    scores: scores.subarray(0, rest.plan.scores.C),
    classes: passes.map(([first]) => first!),
  };
}
