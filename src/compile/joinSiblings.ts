/**
 * Steps that do not wait for one another, as one dispatch: the branches of a module, a shortcut beside what it goes
 * around, on both ways. What each computes, and in which order, stays as it is.
 */
import { blocksOf } from '../../shaders/kernel';
import { type Bound, fitSideBySide, sideBySide } from '../../shaders/sideBySide';
import type { Slice, Step } from '../ops/op';
import type { Steps } from './differentiate';

export function joinSiblings(steps: Steps): Steps {
  const { forward, backward, tapped } = steps;
  const first = joined(forward.slice(0, tapped));
  return {
    ...steps,
    forward: [...first, ...joined(forward.slice(tapped))],
    tapped: first.length,
    backward: joined(backward),
  };
}

/** Each step joins the first dispatch that it may run in, if everything from there on leaves it alone. */
function joined(steps: readonly Step[]): readonly Step[] {
  const dispatches: { readonly steps: Step[]; readonly parts: Bound[]; readonly touched: Touched[] }[] = [];
  for (const step of steps) {
    const touched = touchedBy(step);
    const after = dispatches.findLastIndex((dispatch) => meet(dispatch.touched, touched));
    const part = boundOf(step);
    const found = dispatches.slice(after + 1).find(({ parts }) => fitSideBySide([...parts, part]));
    if (!found) dispatches.push({ steps: [step], parts: [part], touched: [...touched] });
    found?.steps.push(step);
    found?.parts.push(part);
    found?.touched.push(...touched);
  }
  return dispatches.map(({ steps, parts }) => (steps.length === 1 ? steps[0]! : join(steps, parts)));
}

const boundOf = ({ kernel, bind }: Step): Bound => ({
  kernel,
  bind: Object.fromEntries(Object.entries(bind).map(([name, tensor]) => [name, tensor.name])),
});

function join(steps: readonly Step[], parts: readonly Bound[]): Step {
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
