/**
 * Class models under way. Each is asked for more iterations by the page, and rests while it is not asked: that is how
 * it pauses.
 */
import {
  type ClassModel,
  type ClassModelOptions,
  type ClassModelStep,
  GradlensError,
  type Model,
  type Neuron,
  classModel,
} from '../../index';
import type { Pixels } from '../../image/pixels';

export interface Advance {
  /** Of the last of them, from 1. */
  readonly iteration: number;
  /** For each class the scores before the new iterations. */
  readonly scores: readonly (readonly number[])[];
  /** For each class its picture so far. */
  readonly pictures: readonly Pixels[];
  /** Set at the end: `[N, C, H, W]` prepared, and how it was made. */
  readonly finished: { readonly data: Float32Array; readonly meta: ClassModel['meta'] } | null;
}

interface Ascent {
  readonly run: AsyncGenerator<ClassModelStep, ClassModel, void>;
  readonly abort: AbortController;
  readonly items: number;
  iteration: number;
}

const ascents = new Map<number, Ascent>();
let last = 0;

export function ascend(
  model: Model,
  target: readonly number[] | Neuron,
  options: Omit<ClassModelOptions, 'class'>,
): number {
  const isNeuron = 'tensor' in target;
  const items = isNeuron ? 1 : target.length;
  if (model.inputShape[0] !== items)
    throw new GradlensError(
      'limit',
      `this network is too large for ${items} classes at once; one after the other they can be made`,
    );
  const abort = new AbortController();
  ascents.set(++last, {
    run: classModel(model, { ...options, class: isNeuron ? target : [...target], signal: abort.signal }),
    abort,
    items,
    iteration: 0,
  });
  return last;
}

/** At least one iteration, and then as many as begin within so many milliseconds. */
export async function advance(id: number, milliseconds: number, signal: AbortSignal): Promise<Advance> {
  const ascent = ascents.get(id);
  if (!ascent) throw new GradlensError('disposed', 'this class model was ended');
  const onAbort = (): void => void endAscent(id);
  signal.addEventListener('abort', onAbort, { once: true });
  const until = performance.now() + milliseconds;
  const scores: number[][] = Array.from({ length: ascent.items }, () => []);
  try {
    for (;;) {
      const step = await ascent.run.next();
      if (step.done) {
        const { data, meta } = step.value;
        ascents.delete(id);
        return {
          iteration: ascent.iteration,
          scores,
          pictures: all(ascent.items, (item) => step.value.picture(item)),
          finished: { data, meta },
        };
      }
      ascent.iteration = step.value.iteration;
      step.value.scores.forEach((score, item) => scores[item]!.push(score));
      if (performance.now() < until) continue;
      const pictures: Pixels[] = [];
      for (let item = 0; item < ascent.items; item++) pictures.push(await step.value.preview(item));
      return { iteration: ascent.iteration, scores, pictures, finished: null };
    }
  } catch (error) {
    ascents.delete(id);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

export async function endAscent(id: number): Promise<void> {
  const ascent = ascents.get(id);
  ascents.delete(id);
  ascent?.abort.abort();
  await ascent?.run.return(undefined as never).catch(() => {});
}

const all = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
