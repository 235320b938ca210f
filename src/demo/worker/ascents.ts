/**
 * Class models under way. The page asks each of them for more iterations; while it does not ask, the class model
 * rests: that is how it pauses. If the GPU is lost, it goes on from the state that was read back last, and ends with
 * the same bits.
 */
import {
  type AscentState,
  type ClassModel,
  type ClassModelOptions,
  type ClassModelStep,
  GradlensError,
  type Model,
  type Neuron,
  classModel,
} from '../../index';
import type { Pixels } from '../../image/pixels';
import { unprepared } from '../../image/unprepared';

export interface Advance {
  /** How many iterations' scores the page may keep: after a loss of the GPU fewer than it has. */
  readonly since: number;
  /** Of the last of the new iterations, from 1. */
  readonly iteration: number;
  /** For each class the scores before the new iterations. */
  readonly scores: readonly (readonly number[])[];
  /** For each class its picture so far. */
  readonly pictures: readonly Pixels[];
  /** Set at the end: `[N, C, H, W]` prepared, what is wrong with them, and how they were made. */
  readonly finished: (Pick<ClassModel, 'remarks' | 'meta'> & { readonly data: Float32Array }) | null;
}

export interface AscentRequest extends Omit<ClassModelOptions, 'class' | 'signal' | 'onProgress' | 'start'> {
  readonly target: readonly number[] | Neuron;
  readonly iterations: number;
  /** Where to begin, prepared; absent: the mean image. */
  readonly start?: Float32Array;
}

const itemsOf = ({ target }: AscentRequest): number => ('tensor' in target ? 1 : target.length);

class Ascent {
  /** For each class the score before every iteration. */
  private readonly scores: number[][];
  /** How many of them the page has. */
  private told = 0;
  private run: AsyncGenerator<ClassModelStep, ClassModel, void> | null = null;
  /** What it runs on; the GPU may have been lost, and the model loaded anew, while the class model rested. */
  private model: Model | null = null;
  /** What was read back last; it may be ahead of the scores, and serves when they have caught up. */
  private read: AscentState | null = null;
  private checkpoint: AscentState | null = null;
  private readonly abort = new AbortController();

  constructor(private readonly request: AscentRequest) {
    this.scores = Array.from({ length: itemsOf(request) }, () => []);
  }

  /** How many pictures are made at once. */
  get items(): number {
    return this.scores.length;
  }

  private get iteration(): number {
    return this.scores[0]!.length;
  }

  /** At least one iteration, and then as many as begin within so many milliseconds. */
  async advance(model: Model, milliseconds: number): Promise<Advance> {
    const until = performance.now() + milliseconds;
    const since = this.begin(model);
    try {
      for (;;) {
        const step = await this.run!.next();
        if (step.done) {
          const { data, remarks, meta } = step.value;
          const { iterations } = this.request;
          return this.tell(since, model, data, { data, remarks, meta: { ...meta, iterations } });
        }
        step.value.scores.forEach((score, item) => this.scores[item]!.push(score));
        if (this.read && this.read.iteration <= this.iteration) this.checkpoint = this.read;
        if (performance.now() < until) continue;
        this.read = await step.value.state();
        return this.tell(since, model, this.read.image, null);
      }
    } catch (error) {
      this.run = null;
      throw error;
    }
  }

  async end(): Promise<void> {
    this.abort.abort();
    await this.run?.return(undefined as never).catch(() => {});
  }

  /** Goes on, from the checkpoint if the run was cut off; how many scores of the page's are still right. */
  private begin(model: Model): number {
    if (this.run && this.model === model) return this.told;
    this.model = model;
    const { target, iterations, start, ...options } = this.request;
    const done = this.checkpoint?.iteration ?? 0;
    for (const scores of this.scores) scores.length = done;
    this.read = null;
    this.run = classModel(model, {
      ...options,
      class: 'tensor' in target ? target : [...target],
      iterations: iterations - done,
      signal: this.abort.signal,
      ...((this.checkpoint ?? start) ? { start: this.checkpoint ?? start! } : {}),
    });
    return Math.min(done, this.told);
  }

  private tell(since: number, model: Model, image: Float32Array, finished: Advance['finished']): Advance {
    this.told = this.iteration;
    return {
      since,
      iteration: this.iteration,
      scores: this.scores.map((scores) => scores.slice(since)),
      pictures: this.scores.map((_, item) => unprepared(image, model.input!, item)),
      finished,
    };
  }
}

const ascents = new Map<number, Ascent>();
let last = 0;

/** Begins a class model; its number. */
export function ascend(model: Model, request: AscentRequest): number {
  const items = itemsOf(request);
  if (model.inputShape[0] !== items)
    throw new GradlensError(
      'limit',
      `this network is too large for ${items} classes at once; one after the other they can be made`,
    );
  ascents.set(++last, new Ascent(request));
  return last;
}

/** `modelFor` finds the model for so many pictures at once. */
export async function advance(
  id: number,
  milliseconds: number,
  modelFor: (items: number) => Promise<Model>,
  signal: AbortSignal,
): Promise<Advance> {
  const ascent = ascents.get(id);
  if (!ascent) throw new GradlensError('disposed', 'this class model was ended');
  const onAbort = (): void => void endAscent(id);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await ascent.advance(await modelFor(ascent.items), milliseconds);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

export async function endAscent(id: number): Promise<void> {
  const ascent = ascents.get(id);
  ascents.delete(id);
  await ascent?.end();
}
