import type { MatMulNode } from '../../src/ops/matMul';
import { gather, get, scatter, zeros, forEach, type Tensor } from './tensor';

type Spec = Pick<MatMulNode, 'transposeA' | 'transposeB'>;

/** Where an element of a product's factor lies in the tensor that gives it. */
const at = (x: Tensor, transposed: boolean | undefined, c: number, row: number, column: number) => {
  const channel = x.extents.C === 1 ? 0 : c;
  return transposed ? ([channel, column, row] as const) : ([channel, row, column] as const);
};

const innerOf = ({ transposeA }: Spec, a: Tensor): number => (transposeA ? a.extents.H : a.extents.W);

/** `y[c, m, n] = Σ_k a[c, m, k] · b[c, k, n]` */
export function matMulForward(spec: Spec, a: Tensor, b: Tensor): Tensor {
  const extents = {
    C: Math.max(a.extents.C, b.extents.C),
    H: spec.transposeA ? a.extents.W : a.extents.H,
    W: spec.transposeB ? b.extents.H : b.extents.W,
  };
  return gather(extents, (c, m, n) => {
    let sum = 0;
    for (let k = 0; k < innerOf(spec, a); k++)
      sum += get(a, ...at(a, spec.transposeA, c, m, k)) * get(b, ...at(b, spec.transposeB, c, k, n));
    return sum;
  });
}

/** Each product gives its share to both of its factors. */
export function matMulBackward(spec: Spec, dY: Tensor, a: Tensor, b: Tensor): readonly [Tensor, Tensor] {
  const [dA, dB] = [zeros(a.extents), zeros(b.extents)];
  forEach(dY, (c, m, n, dy) => {
    for (let k = 0; k < innerOf(spec, a); k++) {
      const [inA, inB] = [at(a, spec.transposeA, c, m, k), at(b, spec.transposeB, c, k, n)];
      scatter(dA, ...inA, dy * get(b, ...inB));
      scatter(dB, ...inB, dy * get(a, ...inA));
    }
  });
  return [dA, dB];
}
