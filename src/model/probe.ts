/**
 * Any loss of any tensors: a pass forward that leaves the tensors that a host named where it can read them, and a pass
 * back from the gradients of its loss with respect to them. What lies between is the host's.
 */
import type { Calls } from '../calls';
import { check, oneOf } from '../check';
import type { Plan } from '../compile';
import type { Tap } from '../compile/differentiate';
import { GradlensError } from '../errors';
import type { Encoder } from '../gpu/commands';
import type { BackwardOptions } from '../gpu/executor';
import type { Inputs } from '../gpu/inputs';
import type { Lent } from '../gpu/lent';
import { type Place, type RecordedInput, assertBuffer, placeIn, recorded, sourceOf } from '../gpu/recording';
import type { Extents } from '../graph';
import type { BufferPlace, Images } from '../image/pixels';
import type { ReluRule, RunOptions } from '../options';
import { objectOf, picturesOf, runOptionsOf } from './arguments';
import { finite } from './results';
import type { Turns } from './turns';

/** The rule of the ReLUs. A probe knows no score. */
function rulesFor(relu: ReluRule = 'gradient'): Pick<BackwardOptions, 'relu' | 'score'> {
  check('relu', relu, oneOf('gradient', 'deconvnet', 'guided'));
  return { relu, score: 'logit' };
}

/** By the names of tensors. */
export type ByTensor<T> = Readonly<Record<string, T>>;

/** A tensor of a network: its name, and its extents for one item. */
export interface NamedTensor extends Extents {
  /** As the graph names it. */
  readonly name: string;
}

type Usage = 'COPY_SRC' | 'COPY_DST';

/** What a probe works with; of the model that made it. */
export interface ProbeParts extends Lent {
  readonly inputs: Inputs;
  readonly calls: Calls;
  readonly turns: Turns;
  readonly tensors: readonly NamedTensor[];
  /** Called when something is recorded into the host's encoder, which it may submit at any time. */
  readonly onRecord: () => void;
  /** Whether anything ever was. */
  readonly isDisturbed: () => boolean;
}

/** What {@link Probe.vjp} finds. */
export interface Pullback {
  /** The tensors as they were, `[N, C, H, W]`, by name. */
  readonly tensors: ByTensor<Float32Array>;
  /** Of the loss with respect to the prepared input, `[N, C, H, W]`. */
  readonly gradient: Float32Array;
}

/**
 * Some tensors of a model, planned once: they stay readable, and gradients may begin at them.
 *
 * ```ts
 * const probe = await model.probe(['relu2_1', 'relu4_2']);
 * probe.encodeForward(encoder, { input, tensors: { relu4_2: features } });
 * // … the host's own kernels: a loss, and its gradient with respect to features …
 * probe.encodeBackward(encoder, { seeds: { relu4_2: gradient }, output });
 * ```
 */
export class Probe {
  /** @internal Called by `Model.probe`. */
  constructor(private readonly parts: ProbeParts) {}

  /** The tensors, in the order in which they were named: float32 `[N, C, H, W]`. */
  get tensors(): readonly NamedTensor[] {
    return this.parts.tensors;
  }

  /** Dispatches, buffers and bytes of both passes; prints as a table. */
  get plan(): Plan {
    return this.parts.executor.plan;
  }

  /**
   * Records a forward pass into the caller's encoder: no submit, no await, nothing allocated. It goes as far as the
   * tensors need it, or to the scores where those are asked for.
   *
   * @param encoder the host's.
   * @param options `input`: a buffer of float32 `[N, C, H, W]` with `COPY_SRC`, or a texture for each item, as
   *   {@link Model.encodeGradient} takes them. `tensors`: where those that the host reads are copied to, with
   *   `COPY_DST`; `scores` likewise, `[N × classes]` before a soft-max.
   * @throws GradlensError `shape` for a buffer that is too small or a tensor that the probe has not; `validation` for
   *   what is no buffer, lacks a usage, or has an offset that is no multiple of four; `disposed`, `device-lost`.
   */
  encodeForward(
    encoder: GPUCommandEncoder,
    options: {
      readonly input: RecordedInput;
      readonly tensors?: ByTensor<BufferPlace>;
      readonly scores?: BufferPlace;
    },
  ): void {
    const { executor, inputs, calls, onRecord } = this.parts;
    calls.assertOpen();
    const { scores, tensors = {}, input } = objectOf('options', options, '{ input, tensors }');
    const source = sourceOf(encoder, input);
    const places = this.placesOf('tensors', tensors, 'COPY_DST');
    const { C } = this.plan.scores;
    const toScores = scores && this.placeOf('scores', scores, this.plan.batch * C * 4, 'COPY_DST');
    recorded('probe', () => {
      onRecord();
      inputs.encodeFrom(source, encoder, executor.input);
      if (toScores) executor.encodeForward(encoder);
      else executor.encodeTapped(encoder);
      executor.encodeTaps(encoder, places);
      if (toScores) executor.encodeScores(encoder, toScores);
    });
  }

  /**
   * Records the pass back: the gradient with respect to the input of `Σ ⟨seed, tensor⟩`, which is that of a loss where
   * each seed is its gradient with respect to the tensor. May follow one forward pass any number of times.
   *
   * @param encoder the host's.
   * @param options `seeds`: float32 `[N, C, H, W]` with `COPY_SRC`; tensors that are left out count nothing. `output`:
   *   where the gradient goes, `[N, C, H, W]`, with `COPY_DST`. `relu`: the rule of all ReLUs, `'gradient'` by default.
   * @throws GradlensError as {@link encodeForward}
   */
  encodeBackward(
    encoder: GPUCommandEncoder,
    options: { readonly seeds: ByTensor<BufferPlace>; readonly output: BufferPlace; readonly relu?: ReluRule },
  ): void {
    const { executor, calls, onRecord } = this.parts;
    calls.assertOpen();
    const { seeds, output, relu } = objectOf('options', options, '{ seeds, output }');
    const rules = rulesFor(relu);
    const places = this.placesOf('seeds', seeds, 'COPY_SRC');
    const to = this.placeOf('output', output, this.plan.gradient.bytes, 'COPY_DST');
    recorded('probe', () => {
      onRecord();
      executor.encodeSeeds(encoder, places);
      executor.encodeBackward(encoder, { targets: [], ...rules });
      executor.encodeGradient(encoder, to.buffer, to.offset);
    });
  }

  /**
   * The same from arrays: a forward pass, the seeds that a function makes of the tensors, and the pass back.
   *
   * @param images one picture, or as many as the batch has.
   * @param seedsOf what the loss's gradients with respect to the tensors are; those that are left out are zero.
   * @throws GradlensError `shape` for a seed of another length or of a tensor that the probe has not; `validation` for
   *   one that is no Float32Array; else as {@link Model.inputGradient}. What `seedsOf` throws is thrown.
   * @example
   * ```ts
   * const probe = await model.probe(['relu4_2']);
   * // of ½‖F‖²: the gradient of the loss with respect to the features is the features
   * const { gradient } = await probe.vjp(picture, ({ relu4_2 }) => ({ relu4_2: relu4_2! }));
   * ```
   */
  async vjp(
    images: Images,
    seedsOf: (tensors: ByTensor<Float32Array>) => ByTensor<Float32Array> | Promise<ByTensor<Float32Array>>,
    options: RunOptions & { readonly relu?: ReluRule } = {},
  ): Promise<Pullback> {
    const pictures = picturesOf(images);
    const rules = rulesFor(options.relu);
    const { device, inputs, readback, executor, turns, isDisturbed } = this.parts;
    return turns.take(runOptionsOf(options), async (call) => {
      const upload = await inputs.upload(pictures, call);
      const taps = [...this.plan.taps];
      const forward = (encoder: Encoder): void => {
        inputs.encode(encoder, executor.input);
        executor.encodeTapped(encoder);
      };
      const values = await readback.run(call, {
        what: 'probe',
        bytes: taps.reduce((sum, [, { out }]) => sum + out.bytes, 0),
        encode: (encoder, read) => {
          upload.bring(encoder);
          forward(encoder);
          for (const [, { out }] of taps) read(executor.bufferOf(out.name), out.bytes);
        },
        meanwhile: upload.check,
      });
      const tensors = Object.fromEntries(taps.map(([name], k) => [name, finite(values[k]!)]));
      const seeds = this.seedsIn(await seedsOf(tensors));
      await device.guard(call, 'probe', () => {
        for (const [name, { seed }] of taps)
          device.write(executor.bufferOf(seed.name), seeds.get(name) ?? new Float32Array(seed.bytes / 4));
      });
      const { bytes } = this.plan.gradient;
      const [gradient] = await readback.run(call, {
        what: 'probe',
        bytes,
        encode: (encoder, read) => {
          if (isDisturbed()) forward(encoder);
          executor.encodeBackward(encoder, { targets: [], ...rules });
          read(executor.gradient, bytes);
        },
      });
      return { tensors, gradient: finite(gradient!) };
    });
  }

  /** Seeds by name, each of its tensor's length. */
  private seedsIn(seeds: ByTensor<Float32Array>): ReadonlyMap<string, Float32Array> {
    return new Map(
      Object.entries(objectOf('seeds', seeds, '{ tensor: Float32Array }')).map(([name, seed]) => {
        const length = this.tapOf(name).seed.bytes / 4;
        check(`the seed of ${name}`, seed, { says: 'a Float32Array', holds: (value) => value instanceof Float32Array });
        if (seed.length !== length)
          throw new GradlensError('shape', `the seed of ${name} has ${seed.length} elements; it takes ${length}`, {
            tensor: name,
          });
        return [name, seed];
      }),
    );
  }

  /** @throws GradlensError `shape` for a tensor that the probe has not */
  private tapOf(name: string): Tap {
    const tap = this.plan.taps.get(name);
    if (tap) return tap;
    const known = [...this.plan.taps.keys()].join(', ');
    throw new GradlensError('shape', `the probe has no tensor '${name}'; it has ${known}`, { tensor: name });
  }

  private placeOf(argument: string, given: BufferPlace, bytes: number, usage: Usage): Place {
    const place = placeIn(argument, given);
    assertBuffer(place, { bytes, usage }, 'there it takes');
    return place;
  }

  private placesOf(argument: string, places: ByTensor<BufferPlace>, usage: Usage): ReadonlyMap<string, Place> {
    const given = Object.entries(objectOf(argument, places, '{ tensor: buffer }'));
    return new Map(
      given.map(([name, place]) => [
        name,
        this.placeOf(`${argument}.${name}`, place, this.tapOf(name).out.bytes, usage),
      ]),
    );
  }
}
