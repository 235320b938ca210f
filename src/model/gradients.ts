/** How gradients come about: what is recorded, submitted and read, each in as few submits as it can be. */
import type { Call } from '../calls';
import { dispatch } from '../gpu/bound';
import type { BackwardOptions, Executor } from '../gpu/executor';
import type { Upload } from '../gpu/inputs';
import type { Plan } from '../compile';
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import type { Captured } from '../image/pixels';
import type { InputGradient, LayerGradient, Neuron, TopClasses } from '../options';
import { passBytes, passesIn, readPass } from './certainty';
import type { Parts } from './parts';
import { finite, firstItemFrom, joined, neuronsFrom, scoresFrom } from './results';
import type { Turn } from './turns';
import { type Classes, bestPassesOf, neuronIn, passesOf, targetsOf } from './targets';

/** A call of a model, whose pictures are ready. */
export interface Run {
  readonly call: Call;
  readonly turn: Turn;
  readonly upload: Upload;
  /** Where gradients are wanted. */
  readonly into?: Float32Array | undefined;
}

/** How ReLUs and the head are differentiated. */
export type Rules = Pick<BackwardOptions, 'relu' | 'score'>;

/** Scores `[N × classes]`. */
export function forward(parts: Parts, run: Run): Promise<Float32Array> {
  return forwardOf(parts, run, run.turn.release);
}

async function forwardOf(parts: Parts, run: Run, submitted?: () => void): Promise<Float32Array> {
  const { call, upload } = run;
  const { readback, executor } = parts;
  const { plan } = executor;
  const { bytes } = plan.scores.storage;
  const [stored] = await readback.run(call, {
    what: 'scores',
    bytes,
    encode: (encoder, read) => {
      upload.bring(encoder, executor.input);
      executor.encodeForward(encoder);
      read(executor.scores, bytes);
    },
    meanwhile: upload.check,
    ...(submitted && { submitted }),
  });
  return explained(parts, call, { run }, () => scoresFrom(stored!, plan));
}

/** What a gradient is, but for how it was computed. */
type Found = Omit<InputGradient, 'precision'>;

/** Of classes that the caller names: all in one submit, and one forward pass for all. */
export async function classGradients(
  parts: Parts,
  run: Run,
  chosen: number | readonly number[],
  rules: Rules,
): Promise<Found> {
  const { call, upload, turn } = run;
  const { readback, executor } = parts;
  const { plan } = executor;
  const passes = passesOf(plan, chosen);
  const into = partsOf(run.into, passes.length, plan);
  const scoreBytes = plan.scores.storage.bytes;
  const [stored, ...found] = await readback.run(call, {
    what: 'gradient',
    bytes: scoreBytes + passes.length * passBytes(plan),
    encode: (encoder, read) => {
      upload.bring(encoder, executor.input);
      passes.forEach((classes, k) => {
        encodePass(encoder, executor, { classes, rules, withForward: k === 0 });
        if (k === 0) read(executor.scores, scoreBytes);
        readPass(read, executor, into?.[k]);
      });
    },
    meanwhile: upload.check,
    submitted: turn.release,
  });
  const scores = await explained(parts, call, { run }, () => scoresFrom(stored!, plan));
  const { gradients, ...certainty } = passesIn(plan, found);
  const gradient = await gradientOf(parts, call, { passes, rules, gradients, run });
  return { scores, gradient, classes: passes.flat(), ...certainty };
}

/** Of the class that scores best, which the GPU finds: one submit. */
export async function bestGradient(parts: Parts, run: Run, rules: Rules): Promise<Found> {
  const { call, upload, turn } = run;
  const { readback, executor } = parts;
  const { plan } = executor;
  partsOf(run.into, 1, plan);
  const best = await executor.best(call);
  const scoreBytes = plan.scores.storage.bytes;
  const [stored, ...found] = await readback.run(call, {
    what: 'gradient',
    bytes: scoreBytes + passBytes(plan),
    encode: (encoder, read) => {
      upload.bring(encoder, executor.input);
      executor.encodeForward(encoder);
      dispatch(encoder, 'best class', [best]);
      executor.encodeBackward(encoder, { targets: [], ...rules });
      read(executor.scores, scoreBytes);
      readPass(read, executor, run.into);
    },
    meanwhile: upload.check,
    submitted: turn.release,
  });
  const scores = await explained(parts, call, { run }, () => scoresFrom(stored!, plan));
  const passes = bestPassesOf(plan, scores, 'top1'); // as the GPU found them: of equal scores the first
  const { gradients, ...certainty } = passesIn(plan, found);
  const gradient = await gradientOf(parts, call, { passes, rules, gradients, run });
  return { scores, gradient, classes: passes.flat(), ...certainty };
}

/**
 * Of the best few classes, which have to be known first. `disturbed`, asked before the second submit: whether something
 * else may have run on the executor since the first, so that what the forward pass saved has to be made again.
 */
export async function bestGradients(
  parts: Parts,
  run: Run,
  chosen: TopClasses,
  { disturbed, ...rules }: Rules & { readonly disturbed: () => boolean },
): Promise<Found> {
  const { inputs, readback, executor } = parts;
  const scores = await forwardOf(parts, run);
  const passes = bestPassesOf(executor.plan, scores, chosen);
  const into = partsOf(run.into, passes.length, executor.plan);
  const found = await readback.run(run.call, {
    what: 'gradient',
    bytes: passes.length * passBytes(executor.plan),
    encode: (encoder, read) => {
      const again = disturbed();
      if (again) inputs.encode(encoder, executor.input);
      passes.forEach((classes, k) => {
        encodePass(encoder, executor, { classes, rules, withForward: again && k === 0 });
        readPass(read, executor, into?.[k]);
      });
    },
  });
  const { gradients, ...certainty } = passesIn(executor.plan, found);
  const gradient = await gradientOf(parts, run.call, { passes, rules, gradients, run });
  return { scores, gradient, classes: passes.flat(), ...certainty };
}

/** Gradients of several backward passes as one; all of them are finite. */
async function gradientOf(
  parts: Parts,
  call: Call,
  of: {
    readonly passes: readonly Classes[];
    readonly rules: Rules;
    readonly gradients: readonly Float32Array[];
    readonly run?: Run;
  },
): Promise<Float32Array> {
  const wrong = of.passes[of.gradients.findIndex((values) => notFinite(values) >= 0)];
  const backward = wrong && { targets: targetsOf(wrong), ...of.rules };
  const how = { ...(backward && { backward }), ...(of.run && { run: of.run }) };
  return explained(parts, call, how, () => finite(of.run?.into ?? joined(of.gradients)));
}

/**
 * The part of an array for each backward pass.
 *
 * @throws GradlensError `shape` where it has another length
 */
function partsOf(into: Float32Array | undefined, passes: number, { gradient }: Plan): Float32Array[] | undefined {
  if (!into) return;
  const elements = gradient.bytes / 4;
  if (into.length !== passes * elements)
    throw new GradlensError('shape', `into has ${into.length} elements; the gradient has ${passes * elements}`, {
      elements: into.length,
      right: passes * elements,
    });
  return Array.from({ length: passes }, (_, k) => into.subarray(k * elements, (k + 1) * elements));
}

/**
 * Numbers that were read; if they are refused, because they are not finite, the layer is named where it began. `run` is
 * that of a call that may have given up its turn: its pictures are brought again. Without it, those that were brought
 * last show it.
 */
export async function explained<T>(
  parts: Pick<Parts, 'device' | 'readback' | 'executor' | 'inputs'>,
  call: Call,
  { run, ...how }: { readonly backward?: BackwardOptions; readonly run?: Run },
  read: () => T,
): Promise<T> {
  try {
    return read();
  } catch (error) {
    const { overflowOf } = await import('../gpu/overflow');
    const { inputs, executor } = parts;
    const bring = (encoder: Encoder): void =>
      run ? run.upload.bring(encoder, executor.input) : inputs.encode(encoder, executor.input);
    const look = () => overflowOf(parts, call, { bring, ...how });
    throw (await (run ? run.turn.again(look) : look())) ?? error;
  }
}

type Encoder = Parameters<Executor['encodeBoth']>[0];

/** A backward pass, and the forward pass before it if nothing is there yet. */
interface Pass {
  readonly classes: Classes;
  readonly rules: Rules;
  readonly withForward: boolean;
}

function encodePass(encoder: Encoder, executor: Executor, { classes, rules, withForward }: Pass): void {
  const backward: BackwardOptions = { targets: targetsOf(classes), ...rules };
  if (withForward) executor.encodeBoth(encoder, backward);
  else executor.encodeBackward(encoder, backward);
}

/** Of one neuron anywhere in the network. */
export async function neuronGradient(
  { device, inputs, readback, executors }: Parts,
  run: Run,
  neuron: Neuron,
  { relu, watched = false }: Pick<Rules, 'relu'> & { readonly watched?: boolean },
): Promise<Found> {
  const { call, upload, turn } = run;
  const rules: Rules = { relu, score: 'logit' };
  const executor = await (watched ? executors.watched(neuron.tensor, call) : executors.ofTensor(neuron.tensor, call));
  const { plan } = executor;
  partsOf(run.into, 1, plan);
  const target = neuronIn(plan, neuron);
  const targets = Array.from({ length: plan.batch }, () => target);
  const { bytes } = plan.scores.storage;
  const [values, ...found] = await readback.run(call, {
    what: 'gradient',
    bytes: bytes + passBytes(plan),
    encode: (encoder, read) => {
      upload.bring(encoder, executor.input);
      executor.encodeBoth(encoder, { targets, ...rules });
      read(executor.scores, bytes);
      readPass(read, executor, run.into);
    },
    meanwhile: upload.check,
    submitted: turn.release,
  });
  const parts = { device, inputs, readback, executor };
  const backward = { targets, ...rules };
  const { gradients, ...certainty } = passesIn(plan, found);
  return {
    scores: await explained(parts, call, { run }, () => neuronsFrom(values!, plan, neuron)),
    gradient: await explained(parts, call, { backward, run }, () => finite(gradients[0]!)),
    classes: [],
    ...certainty,
  };
}

/**
 * Of classes with respect to a tensor inside the network: the network up to there, then the rest of it as a network of
 * its own.
 */
export async function layerGradient(
  parts: Parts,
  call: Call,
  image: Captured,
  { tensor, class: chosen }: { readonly tensor: string; readonly class: LayerClass },
): Promise<LayerGradient> {
  const { device, inputs, readback, executors, executor } = parts;
  const { plan } = executor;
  const head = await executors.ofTensor(tensor, call);
  const { C, H, W, block, storage } = head.plan.scores;
  const rest = await executors.after(tensor, { C, H, W }, call);
  const upload = await inputs.upload(
    Array.from({ length: plan.batch }, () => image),
    call,
  );
  const [stored] = await readback.run(call, {
    what: 'layer',
    bytes: storage.bytes,
    encode: (encoder, read) => {
      upload.bring(encoder, head.input);
      head.encodeForward(encoder);
      read(head.scores, storage.bytes);
    },
    meanwhile: upload.check,
  });
  const activations = await explained(parts, call, {}, () => firstItemFrom(stored!, { C, H, W, block }));
  await device.guard(call, 'layer', () => rest.writeInput(activations));
  const { bytes } = rest.plan.scores.storage;
  const [storedScores] = await readback.run(call, {
    what: 'scores',
    bytes,
    encode: (encoder, read) => {
      rest.encodeForward(encoder);
      read(rest.scores, bytes);
    },
  });
  const scores = await explained(parts, call, {}, () => scoresFrom(storedScores!, rest.plan));
  const named = typeof chosen === 'number' || Array.isArray(chosen);
  const passes = named
    ? passesOf(plan, chosen as number | readonly number[])
    : bestPassesOf(plan, scores, chosen as 'top1' | TopClasses);
  const rules: Rules = { relu: 'gradient', score: 'logit' };
  const gradients = await readback.run(call, {
    what: 'layer',
    bytes: passes.length * activations.byteLength,
    encode: (encoder, read) => {
      for (const classes of passes) {
        encodePass(encoder, rest, { classes, rules, withForward: false });
        read(rest.gradient, activations.byteLength);
      }
    },
  });
  return {
    extents: { C, H, W },
    activations,
    gradient: await gradientOf(parts, call, { passes, rules, gradients }),
    scores: scores.subarray(0, rest.plan.scores.C),
    classes: passes.map(([first]) => first!),
  };
}

type LayerClass = number | readonly number[] | 'top1' | TopClasses;
