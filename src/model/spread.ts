/** A gradient or a map over several frames: of its steps as many per frame as a budget holds. */
import { check } from '../check';
import type { Plan } from '../compile';
import { FramePace, watchFrame } from '../gpu/pace';
import type { Profile } from '../options';
import type { GradientRecording, MapRecording, Recordings } from './recordings';

/** How a gradient is spread over frames: see `Model.spread`. */
export interface SpreadOptions {
  /** Of the GPU's time, per frame. A step that takes longer has a frame of its own. */
  readonly milliseconds: number;
  /** What `model.profile` measured; default: what the steps compute and move says how long they take. */
  readonly profile?: Profile;
}

/** FLOPs that take as long as a byte that is moved. */
const FLOPS_PER_BYTE = 4;
/** Of these per millisecond, until a frame was measured: as a slow GPU. */
const SLOW = 1e7;

/**
 * Spreads what a host records over its frames. Every frame records the steps that the budget holds, by how long the
 * device took for those before; between two gradients a frame is left free, to see what a frame takes without them. The
 * host submits in the task that records.
 *
 * @example
 * ```ts
 * const spread = model.spread({ milliseconds: 4 }); // once; then in every frame:
 * const isNew = spread.encodeMap(encoder, { input: texture, class: 'top1', output: mapTexture });
 * ```
 */
export class Spread {
  /** The next step; −1: a frame is left free first. */
  private next = -1;
  private readonly steps: number;
  private readonly pace: FramePace;

  constructor(
    private readonly parts: {
      readonly gpu: GPUDevice;
      readonly recordings: Recordings;
      readonly assertOpen: () => void;
    },
    plan: Plan,
    { milliseconds, profile }: SpreadOptions,
  ) {
    check('milliseconds', milliseconds, {
      says: 'a number above 0',
      holds: (value) => typeof value === 'number' && value > 0 && value < Infinity,
    });
    check('profile', profile, {
      says: `a profile of the model, of ${plan.steps} steps`,
      holds: (value) => value === undefined || (value as Profile).steps?.length === plan.steps,
    });
    this.steps = plan.steps;
    this.pace = profile
      ? new FramePace(
          profile.steps.map((step) => Math.max(step.milliseconds, 1e-4)),
          milliseconds,
          1,
        )
      : new FramePace(costsOf(plan), milliseconds, SLOW);
  }

  /**
   * Records the next steps of a gradient, or none in a frame that is left free. What changes in the options counts from
   * the next gradient on; the class is of the scores, not a neuron.
   *
   * @returns whether the output holds a new gradient, once this is submitted
   * @throws GradlensError as {@link Model.encodeGradient}; then the gradient begins anew
   */
  encodeGradient(encoder: GPUCommandEncoder, options: Omit<GradientRecording, 'steps'>): boolean {
    return this.advance((steps) => this.parts.recordings.encodeGradient(encoder, { ...options, steps }));
  }

  /**
   * The same of a map, as {@link Model.encodeMap} makes it.
   *
   * @throws GradlensError as {@link Model.encodeMap}; then the map begins anew
   */
  encodeMap(encoder: GPUCommandEncoder, options: Omit<MapRecording, 'steps'>): boolean {
    return this.advance((steps) => this.parts.recordings.encodeMap(encoder, { ...options, steps }));
  }

  private advance(record: (steps: { from: number; to: number }) => void): boolean {
    const { parts, pace } = this;
    parts.assertOpen();
    const from = this.next;
    const to = from < 0 ? from : pace.until(from);
    this.next = -1;
    if (from >= 0) record({ from, to });
    watchFrame(parts, (milliseconds) => pace.took(from, to, milliseconds));
    this.next = from < 0 ? 0 : to < this.steps ? to : -1;
    return to === this.steps;
  }
}

/** Of each step, in FLOPs. */
const costsOf = ({ forward, backward }: Plan): readonly number[] =>
  [...forward, ...backward].map(({ kernel, bind }) => {
    const tensors = new Map(Object.values(bind).map((tensor) => [tensor.name, tensor.bytes]));
    return kernel.flops + FLOPS_PER_BYTE * [...tensors.values()].reduce((sum, bytes) => sum + bytes, 0);
  });
