/**
 * Steps that do not wait for one another, as one dispatch: the branches of a module, a shortcut beside what it goes
 * around, on both ways. What each computes, and in which order, stays as it is.
 */
import { blocksOf } from '../../shaders/kernel';
import { type Bound, fitSideBySide, mayFollow, sideBySide } from '../../shaders/sideBySide';
import type { Slice, Step } from '../ops/op';
import type { Steps } from './differentiate';

/** Which steps may share a dispatch with others. */
type Joins = (step: Step) => boolean;

export function joinSiblings(steps: Steps, joins: Joins = () => true): Steps {
  const { forward, backward, tapped } = steps;
  const first = joined(forward.slice(0, tapped), joins);
  return {
    ...steps,
    forward: [...first, ...joined(forward.slice(tapped), joins)],
    tapped: first.length,
    backward: joined(backward, joins),
  };
}

/** Those that only pass over their elements: short code, whatever it is compiled beside. */
export const joinPasses = (steps: Steps): Steps => joinSiblings(steps, ({ kernel }) => kernel.flops === 0);

interface Part extends Bound {
  readonly step: Step;
  readonly touched: readonly Touched[];
}

/**
 * Each step follows in the workgroups of the step that it adds to, if those own the same elements; or joins the first
 * dispatch that it may run in, if everything from there on leaves it alone.
 */
function joined(steps: readonly Step[], joins: Joins): readonly Step[] {
  const dispatches: Part[][] = [];
  const isOpen = (parts: readonly Part[]): boolean => parts.every(({ step }) => joins(step));
  for (const step of steps) {
    const part: Part = { step, ...boundOf(step), touched: touchedBy(step) };
    const last = dispatches.findLastIndex((parts) => parts.some(({ touched }) => meet(touched, part.touched)));
    const follower = last >= 0 && isOpen([...dispatches[last]!, part]) ? following(dispatches[last]!, part) : null;
    const found = dispatches
      .slice(last + 1)
      .find((parts) => isOpen([...parts, part]) && fitSideBySide([...parts, part]));
    if (follower) dispatches[last]!.push(follower);
    else if (found) found.push(part);
    else dispatches.push([part]);
  }
  return dispatches.map((parts) => (parts.length === 1 ? parts[0]!.step : join(parts)));
}

/** The part as one that follows the last of those that it has to wait for, if that is all it takes. */
function following(parts: readonly Part[], part: Part): Part | null {
  const awaited = parts.flatMap(({ touched }, k) => (meet(touched, part.touched) ? [k] : []));
  const after = awaited.at(-1)!;
  const inTurn = awaited.every(
    (k, at) => parts[k]!.after === awaited[at - 1] && addsTo(part.touched, parts[k]!.touched),
  );
  const follower = { ...part, after };
  return inTurn && mayFollow(part.kernel, parts[after]!.kernel) && fitSideBySide([...parts, follower])
    ? follower
    : null;
}

/** Whether what a step has to wait for is only what both of them write. */
const addsTo = (some: readonly Touched[], others: readonly Touched[]): boolean =>
  some.every((a) => others.every((b) => (a.written && b.written) || !meet([a], [b])));

const boundOf = ({ kernel, bind }: Step): Bound => ({
  kernel,
  bind: Object.fromEntries(Object.entries(bind).map(([name, tensor]) => [name, tensor.name])),
});

function join(parts: readonly Part[]): Step {
  const steps = parts.map(({ step }) => step);
  const tensors = new Map(steps.flatMap(({ bind }) => Object.values(bind)).map((tensor) => [tensor.name, tensor]));
  const { kernel, bind } = sideBySide(parts);
  return {
    label: steps.map(({ label }) => label).join(' + '),
    kernel,
    bind: Object.fromEntries(Object.entries(bind).map(([name, tensor]) => [name, tensors.get(tensor)!])),
    parts: steps,
  };
}

/** The blocks of a tensor that a step reads or writes. */
interface Touched {
  readonly tensor: string;
  readonly from: number;
  readonly to: number;
  readonly phase: Slice['phase'];
  readonly written: boolean;
}

function touchedBy({ kernel, bind, places = {} }: Step): readonly Touched[] {
  return kernel.declared.flatMap((each): Touched[] => {
    const tensor = bind[each.name];
    if (each.kind !== 'tensor' || !tensor) return [];
    const place = places[each.name] ?? places[each.like ?? each.name];
    const [from, to] = place ? [place.block, place.block + blocksOf(place.C)] : [0, Infinity];
    return [{ tensor: tensor.name, from, to, phase: place?.phase, written: each.access === 'read_write' }];
  });
}

const meet = (some: readonly Touched[], others: readonly Touched[]): boolean =>
  some.some((a) =>
    others.some(
      (b) =>
        a.tensor === b.tensor &&
        (a.written || b.written) &&
        a.from < b.to &&
        b.from < a.to &&
        !(a.phase && a.phase.layer === b.phase?.layer && a.phase.number !== b.phase.number),
    ),
  );
