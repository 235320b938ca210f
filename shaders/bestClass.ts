/** The class that scores best, chosen on the GPU: it becomes the target of the backward pass. */
import { type Kernel, WORKGROUP, kernel } from './kernel';
import { WHOLE_PLANE } from './targets';
import { type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface BestClassDims {
  readonly N: number;
  /** Classes. */
  readonly C: number;
}

/**
 *   targets[n] = (argmax_c x[n, c], the whole plane)
 *
 * A workgroup owns an item; each invocation looks at every 64th class, and neighbours are compared until one is left.
 * Of equal scores the first class wins. Bindings: x targets.
 */
export function bestClass(d: BestClassDims, slices: Slices<'x'>): Kernel {
  return kernel({
    name: 'bestClass',
    dims: { ...d },
    slices,
    tensors: [reads('x', 'N C/4'), writes('targets', 'N', { element: 'vec4u' })],
    functions: wgsl`
var<workgroup> scores: array<f32, ${WORKGROUP}>;
var<workgroup> classes: array<u32, ${WORKGROUP}>;

fn scoreOf(n: u32, c: u32) -> f32 { return load_x(n, c / 4u)[c % 4u]; }`,
    workgroups: [d.N, 1, 1],
    workgroupSize: [WORKGROUP],
    takes: ['group', 'me'],
    body: wgsl`
let n = group.x;
var best = select(0u, me, me < d.C);
var score = scoreOf(n, best);
for (var c = me + ${WORKGROUP}u; c < d.C; c += ${WORKGROUP}u) {
  let other = scoreOf(n, c);
  if (other > score) {
    score = other;
    best = c;
  }
}
scores[me] = score;
classes[me] = best;
workgroupBarrier();
for (var apart = ${WORKGROUP / 2}u; apart > 0u; apart /= 2u) {
  if (me < apart) {
    let other = scores[me + apart];
    let c = classes[me + apart];
    if (other > scores[me] || (other == scores[me] && c < classes[me])) {
      scores[me] = other;
      classes[me] = c;
    }
  }
  workgroupBarrier();
}
if (me == 0u) { store_targets(n, vec4u(classes[0], ${WHOLE_PLANE}u, ${WHOLE_PLANE}u, 0u)); }`,
  });
}
