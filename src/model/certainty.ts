/** What the reports of watched decisions (`shaders/decide.ts`) say of a gradient. */
import { REPORT_VECTORS } from '../../shaders/report';
import type { Plan } from '../compile';
import type { Field } from '../compile/watch';
import type { Executor } from '../gpu/executor';
import type { Read } from '../gpu/readback';
import type { Certainty, UndecidedPlace } from '../options';

/**
 * A gradient is doubtful from here on. Chosen on six photos that were compared with float64, two ways of preparing them
 * and two drivers: of the two whose gradient was wrong by 10⁻³ and more the weight was 0.0020 at least, of three others
 * 0.0007 at most. The sixth has a ReLU of much weight well within the error, which float32 took to the right side by
 * chance: it is doubtful too.
 */
const MOST_UNDECIDED = 0.0012;

/** How much more than its weight a decision may change: it may stand before what multiplies it. Calibrated. */
const SPREAD = 3;

/** Bytes of what is read after each pass back. */
export const passBytes = ({ gradient, watched }: Plan): number =>
  gradient.bytes + (watched?.watches ?? []).reduce((sum, { report }) => sum + report.bytes, 0);

/** Records the reading of a gradient, and of what is reported of it. */
export function readPass(read: Read, executor: Executor, into?: Float32Array): void {
  const { gradient, watched } = executor.plan;
  read(executor.gradient, gradient.bytes, into);
  for (const { report } of watched?.watches ?? []) read(executor.bufferOf(report.name), report.bytes);
}

/** What was read of several passes: their gradients, and how certain each of them is. */
export function passesIn(
  plan: Plan,
  arrays: readonly Float32Array[],
): { readonly gradients: readonly Float32Array[]; readonly certainty?: readonly Certainty[] } {
  if (!plan.watched) return { gradients: arrays };
  const each = 1 + plan.watched.watches.length;
  const passes = Array.from({ length: arrays.length / each }, (_, k) => arrays.slice(k * each, (k + 1) * each));
  return {
    gradients: passes.map(([gradient]) => gradient!),
    certainty: passes.flatMap(([, ...reports]) =>
      Array.from({ length: plan.batch }, (_, n) => certaintyOf(plan, reports, n)),
    ),
  };
}

/** Of one item. */
function certaintyOf({ watched, batch, inputExtents }: Plan, reports: readonly Float32Array[], n: number): Certainty {
  const { watches, unwatched, rounding } = watched!;
  const places: UndecidedPlace[] = [];
  let [undecided, ties, decidable, reached] = [0, 0, 0, 0];
  watches.forEach((watch, k) => {
    const groups = vectorsOf(reports[k]!, n, batch);
    const sum = (vector: number, lane: number): number => groups.reduce((all, at) => all + at(vector, lane), 0);
    const through = sum(0, 0);
    // what goes through what is shut is compared with what goes through the rest
    const share = (energy: number): number => (energy === 0 ? 0 : energy / Math.max(through, energy));
    undecided += sum(1, 0);
    ties += sum(1, 1);
    decidable += share(sum(0, 1));
    reached += share(sum(0, 2) + sum(0, 3));
    for (const at of groups) {
      if (at(2, 0) < 0) continue;
      const [channel, pixel] = [at(2, 1), at(2, 2)];
      const [y, x] = [Math.floor(pixel / watch.width), pixel % watch.width];
      const weight = Math.sqrt(share(at(2, 0)));
      places.push({ tensor: watch.tensor, channel, y, x, weight, box: boxOf(watch, { y, x }, inputExtents) });
    }
  });
  const weight = Math.sqrt(decidable);
  return {
    undecided,
    weight,
    doubtful: weight > MOST_UNDECIDED,
    places: places.sort((a, b) => b.weight - a.weight),
    ties,
    bound: unwatched.length > 0 ? Infinity : rounding + SPREAD * Math.sqrt(reached),
    rounding,
    unwatched,
  };
}

/** The vectors of an item's workgroups: of each a lane of a vector. */
function vectorsOf(report: Float32Array, n: number, batch: number): ((vector: number, lane: number) => number)[] {
  const groups = report.length / (batch * REPORT_VECTORS * 4);
  return Array.from({ length: groups }, (_, group) => {
    const from = (n * groups + group) * REPORT_VECTORS * 4;
    return (vector, lane) => report[from + vector * 4 + lane]!;
  });
}

function boxOf(
  { field }: { readonly field: Field | null },
  at: { readonly y: number; readonly x: number },
  { H, W }: { readonly H: number; readonly W: number },
): UndecidedPlace['box'] {
  if (!field) return { x: 0, y: 0, width: W, height: H };
  const along = (axis: 0 | 1, place: number, extent: number): readonly [number, number] => {
    const begin = field.begin[axis] + place * field.step[axis];
    return [Math.max(0, begin), Math.min(extent, begin + field.size[axis])];
  };
  const [top, bottom] = along(0, at.y, H);
  const [left, right] = along(1, at.x, W);
  return { x: left, y: top, width: right - left, height: bottom - top };
}
