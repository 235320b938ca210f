/** Products of matrices that are both computed, or of which the constant is no plain weight: MatMul and Einsum. */
import { shapeError } from '../../shape';
import { expandTo } from './arithmetic';
import { unsupported, type Call, type Named, type Translation } from './call';
import { arranged } from './moves';
import { broadcastShape } from './shapeRules';
import { reduced } from './reducing';
import { extentsOf, planes, printShape, product, valueOf } from './value';

/** `[…, M, K]` by `[…, K, L]`; what stands before is broadcast. A vector stands for a matrix of one row or column. */
export function matrixProduct(call: Call): Translation {
  const [name, { shape }] = matrixProductOf(call, call.operand(0), call.operand(1));
  return call.result({ op: 'identity', inputs: [name] }, shape);
}

/** The same of two tensors of ours. */
export function matrixProductOf(call: Call, [a, left]: Named, [b, right]: Named): Named {
  const [one, other] = [left.shape, right.shape];
  const rows = one.length === 1 ? [1, ...one] : one;
  const columns = other.length === 1 ? [...other, 1] : other;
  const [M, K] = rows.slice(-2) as [number, number];
  const [inner, L] = columns.slice(-2) as [number, number];
  if (K !== inner)
    throw shapeError(call.where, `multiplies ${printShape(one)} by ${printShape(other)}; ${K} is not ${inner}`);
  const batch = broadcastShape(call, [rows.slice(0, -2), columns.slice(0, -2)]);
  if (call.fixesBatch && (batch[0] ?? 1) !== 1)
    throw unsupported(
      `it multiplies ${printShape(one)} by ${printShape(other)}`,
      'factors whose batch is the first axis',
    );
  const matrices = (name: string, from: Named[1], own: readonly number[]): string => {
    const [R, S] = own.slice(-2) as [number, number];
    const count = product(own.slice(0, -2));
    // one matrix serves for all; of several each is copied where it is needed
    const isWhole = count === 1 || count === product(batch);
    const all = isWhole ? name : expandTo(call, name, from, [...batch, R, S]);
    const before = isWhole ? from.extents : extentsOf([...batch, R, S]);
    return call.shaped(all, before, planes([isWhole ? count : product(batch), R, S]));
  };
  const inputs = [matrices(a, left, rows), matrices(b, right, columns)];
  const shape = [...batch, ...(one.length === 1 ? [] : [M]), ...(other.length === 1 ? [] : [L])];
  const value = valueOf(shape);
  return [call.shaped(call.emit({ op: 'matMul', inputs }), planes([product(batch), M, L]), value.extents), value];
}

/** Names of axes. */
type Labels = readonly string[];

/** A tensor whose axes have names. */
interface Labelled {
  readonly x: Named;
  readonly labels: Labels;
}

/** Sums of products in Einstein's notation, two factors at a time. */
export function einsum(call: Call): Translation {
  const { terms, result } = parsed(call);
  const extents = new Map(terms.flatMap(({ x: [, { shape }], labels }) => labels.map((l, k) => [l, shape[k]!])));
  const clash = terms.find(({ x: [, { shape }], labels }) => labels.some((l, k) => extents.get(l) !== shape[k]));
  if (clash) throw shapeError(call.where, `its axis names do not fit to ${printShape(clash.x[1].shape)}`);
  const along = (labels: Labels): number[] => labels.map((label) => extents.get(label)!);
  const many = (labels: Labels): number => product(along(labels));

  const contracted = (a: Labelled, b: Labelled, kept: ReadonlySet<string>): Labelled => {
    const left = summed(call, a, new Set([...kept, ...b.labels]));
    const right = summed(call, b, new Set([...kept, ...a.labels]));
    const shared = left.labels.filter((label) => right.labels.includes(label));
    const batch = shared.filter((label) => kept.has(label));
    const inner = shared.filter((label) => !kept.has(label));
    const alone = (labels: Labels): Labels => labels.filter((label) => !shared.includes(label));
    const [rows, columns] = [alone(left.labels), alone(right.labels)];
    const factor = ({ x, labels }: Labelled, groups: readonly [Labels, Labels, Labels]): string =>
      arranged(
        call,
        x,
        groups.flat().map((label) => labels.indexOf(label)),
        planes([many(groups[0]), many(groups[1]), many(groups[2])]),
      );
    const inputs = [factor(left, [batch, rows, inner]), factor(right, [batch, inner, columns])];
    const labels = [...batch, ...rows, ...columns];
    const value = valueOf(along(labels));
    const written = planes([many(batch), many(rows), many(columns)]);
    return { x: [call.shaped(call.emit({ op: 'matMul', inputs }), written, value.extents), value], labels };
  };

  const [first, ...rest] = terms as [Labelled, ...Labelled[]];
  const whole = rest.reduce((left, right, k) => {
    const later = rest.slice(k + 1).flatMap(({ labels }) => labels);
    return contracted(left, right, new Set([...result, ...later]));
  }, first);
  const { x, labels } = summed(call, whole, new Set(result));
  const shape = along(result);
  const order = result.map((label) => labels.indexOf(label));
  return call.result({ op: 'identity', inputs: [arranged(call, x, order, extentsOf(shape))] }, shape);
}

/** The sum over the axes that nothing needs. */
function summed(call: Call, { x, labels }: Labelled, kept: ReadonlySet<string>): Labelled {
  const axes = labels.flatMap((label, axis) => (kept.has(label) ? [] : [axis]));
  if (axes.length === 0) return { x, labels };
  const left = valueOf(x[1].shape.filter((_, axis) => !axes.includes(axis)));
  const [name, extents] = reduced(call, x, 'sum', axes);
  return { x: [call.shaped(name, extents, left.extents), left], labels: labels.filter((label) => kept.has(label)) };
}

/** The equation, with a number for every axis that an ellipsis stands for, counted from the last. */
function parsed(call: Call): { terms: readonly Labelled[]; result: Labels } {
  const equation = call.string('equation', '').replaceAll(' ', '');
  const [from = '', to] = equation.split('->');
  const sides = from.split(',');
  if (sides.length !== call.inputs.length || !/^[a-zA-Z.,]*$/.test(from + (to ?? '')))
    throw unsupported(`its equation is ${equation}`, `letters for the axes of ${call.inputs.length} inputs`);
  const spread = (side: string, count: number): Labels =>
    side
      .split(/(\.\.\.|)/)
      .flatMap((label) => (label === '...' ? Array.from({ length: count }, (_, k) => `${count - k}`) : label || []));
  const operands = call.inputs.map((_, k) => call.operand(k));
  const counts = sides.map((side, k) => operands[k]![1].shape.length - side.replace('...', '').length);
  const terms = sides.map((side, k) => ({ x: operands[k]!, labels: spread(side, counts[k]!) }));
  const wrong = terms.find(
    ({ x, labels }) => labels.length !== x[1].shape.length || new Set(labels).size !== labels.length,
  );
  if (wrong)
    throw unsupported(
      `its equation is ${equation}, and an input is ${printShape(wrong.x[1].shape)}`,
      'an axis for each letter',
    );
  const most = Math.max(0, ...sides.map((side, k) => (side.includes('...') ? counts[k]! : 0)));
  if (to !== undefined) return { terms, result: spread(to, most) };
  // without a result: what an ellipsis stands for, then the letters that stand once
  const all = terms.flatMap(({ labels }) => labels).filter((label) => /[a-zA-Z]/.test(label));
  const once = all.filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort();
  return { terms, result: [...spread('...', most), ...once] };
}
