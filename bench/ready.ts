/** A contender made ready for one network: its cold start, its first results, and whether they are right. */
import { relativeL2 } from '../src/compare';
import type { Ascending, Contender, Session } from './contenders/contender';
import { countsNow, resetPeak } from './counters';
import { type Task, timed } from './measure';
import type { Precision, What } from './networks';
import type { Cold, Row } from './report';

/** What a contender computed; null where it cannot. */
interface Results {
  /** Of the forward pass alone, and of the call that computes the gradient as well. */
  readonly forward: Float32Array;
  readonly scores: Float32Array | null;
  /** `[N, C, H, W]` */
  readonly gradient: Float32Array | null;
  /** How far two iterations of ascent moved the image, `[N, C, H, W]`. */
  readonly moved: Float32Array | null;
}

export interface Ready {
  readonly contender: Contender;
  readonly precision: Precision;
  readonly session: Session;
  /** In the contender's layout. */
  readonly input: Float32Array;
  readonly ascent: Ascending | null;
  readonly results: Results;
  readonly cold: Cold;
  readonly calls: Readonly<Record<What, Row['calls']>>;
  readonly gpuBytes: Row['gpuBytes'];
  dispose(): void;
}

export interface Request {
  readonly prepare: () => Promise<Session>;
  readonly precision: Precision;
  /** `[N, C, H, W]` */
  readonly image: Float32Array;
  readonly classes: readonly number[];
  /** Whether nothing has run on its device before. */
  readonly fresh: boolean;
  /** Whether an ascent is wanted, too. */
  readonly ascent: boolean;
}

/** From nothing to the first results: the cold start, then one counted call of each kind. */
export async function makeReady(
  contender: Contender,
  { prepare, precision, image, classes, fresh, ascent: wantsAscent }: Request,
): Promise<Ready> {
  await contender.fetch();
  const before = countsNow();
  resetPeak();
  const { result: session, milliseconds: loadMs } = await timed(prepare);
  let ascent: Ascending | null = null;
  const dispose = (): void => {
    ascent?.dispose();
    session.dispose();
  };
  try {
    const input = session.arrange?.(image) ?? image;
    const restored = (values: Float32Array): Float32Array => session.restore?.(values) ?? values;
    await session.before?.();
    const { result: first, milliseconds: firstMs } = await timed(async () =>
      session.gradient ? session.gradient(input, classes) : session.forward(input),
    );
    const { result: forward, calls: forwardCalls } = await counted(() => session.forward(input));
    const { calls: gradientCalls } = await counted(async () => session.gradient?.(input, classes));
    const after = countsNow(); // an ascent has buffers of its own, which no gradient needs
    let ascentCalls: Row['calls'] = null;
    let moved: Float32Array | null = null;
    if (wantsAscent && session.ascend) {
      ascent = await session.ascend(input, classes);
      await ascent.advance(1);
      ascentCalls = (await counted(() => ascent!.advance(1))).calls;
      moved = restored(await ascent.read()).map((value, i) => value - image[i]!);
    }
    const [scores, gradient] = first instanceof Float32Array ? [null, null] : [first.scores, restored(first.gradient)];
    const onWebGpu = contender.backend === 'webgpu';
    return {
      contender,
      precision,
      session,
      input,
      ascent,
      dispose,
      results: { forward, scores, gradient, moved },
      cold: { loadMs, firstMs, fresh },
      calls: onWebGpu
        ? { forward: forwardCalls, gradient: gradientCalls, 'class-model': ascentCalls }
        : { forward: null, gradient: null, 'class-model': null },
      // a device that was in use before has buffers in reserve
      gpuBytes:
        onWebGpu && fresh
          ? { peak: after.peakBytes - before.liveBytes, live: after.liveBytes - before.liveBytes }
          : null,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function counted<T>(call: () => Promise<T>): Promise<{ result: T; calls: NonNullable<Row['calls']> }> {
  const before = countsNow();
  const result = await call();
  const after = countsNow();
  const calls = {
    dispatches: after.dispatches - before.dispatches,
    passes: after.passes - before.passes,
    submits: after.submits - before.submits,
  };
  return { result, calls };
}

/** Whether it can be timed at this. */
export function offers({ session, ascent }: Ready, what: What): boolean {
  return what === 'forward' || (what === 'gradient' ? session.gradient !== undefined : ascent !== null);
}

/** As many iterations as an engine may put in a row. */
const MOST_IN_A_ROW = 64;

export function taskOf(
  { contender, precision, session, input, ascent }: Ready,
  what: What,
  classes: readonly number[],
): Task {
  return {
    name: precision === 'f32' ? contender.name : `${contender.name} ${precision}`,
    before: () => session.before?.(),
    async run() {
      // how many iterations it was: a call's time is shared out among them
      if (what === 'class-model') return ascent!.advance(MOST_IN_A_ROW);
      if (what === 'gradient') await session.gradient!(input, classes);
      else await session.forward(input);
      return undefined;
    },
  };
}

/**
 * A result in float32 that is further from ours than this is a result of something else. Half floats keep eleven bits,
 * and where that turns a ReLU or a pool's winner over, the gradient jumps: on the small VGG, weights rounded to half
 * move the scores by 5·10⁻⁴ and the gradient by 6 %, with all else in float32.
 */
export const TOLERANCE: Readonly<Record<Precision, number>> = { f32: 1e-3, f16: 0.2 };

/** How far its results are from ours in float32; null for those, and where ours failed. */
export function errorOf({ contender, precision, results }: Ready, ours: Results | null, what: What): number | null {
  if (!ours || (contender.name === 'gradlens' && precision === 'f32')) return null;
  if (what === 'forward') return relativeL2(results.forward, ours.forward);
  if (what === 'class-model') return relativeL2(results.moved!, ours.moved!);
  return Math.max(relativeL2(results.scores!, ours.scores!), relativeL2(results.gradient!, ours.gradient!));
}
