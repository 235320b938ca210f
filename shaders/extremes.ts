/**
 * The largest or the smallest element of each group (`groups.ts`), both directions. The forward pass keeps which one it
 * was. A tie goes to the first in C, H, W order; what overflowed wins, and stays.
 */
import { type BackwardEpilogue, gradientOf } from './epilogue';
import { FIRST_OF, type GroupDims, eachOfGroups, foldGroups } from './groups';
import type { Kernel } from './kernel';
import { OVERFLOWED } from './overflow';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';

export type Extreme = 'max' | 'min';

const PLACES = ['places', 'N KEPT P Q', { element: 'vec4u' }] as const;

/** WGSL: `placesIn(b, h, w, p, q)`, the number of each lane of a block among the elements of its group. */
const placesIn = ({ along }: GroupDims): string => `
fn placesIn(b: u32, h: u32, w: u32, p: u32, q: u32) -> vec4u {
  let pixel = (h - p) * d.RUN_W + (w - q);
  return ${along.C ? 'channelsOf(b) * (d.RUN_H * d.RUN_W) + pixel' : 'vec4u(pixel)'};
}`;

const BEST = (kind: Extreme): string => `
struct Best { value: vec4f, place: vec4u }
fn better(a: Best, b: Best) -> Best {
  let isFirst = (b.value == a.value) & (b.place < a.place);
  let wins = ((b.value ${kind === 'max' ? '>' : '<'} a.value) | isFirst | overflowed(b.value)) & !overflowed(a.value);
  return Best(select(a.value, b.value, wins), select(a.place, b.place, wins));
}`;

/** One invocation, or a workgroup, owns the groups of one place. */
export const extremeForward = (d: GroupDims, slices: Slices<'x' | 'y'>, kind: Extreme): Kernel =>
  foldGroups(d, {
    name: `${kind}Forward`,
    slices,
    tensors: [reads('x', 'N C/4 H W', ANY_PRECISION), writes('y', 'N C/4 P Q', ANY_PRECISION), writes(...PLACES)],
    functions: OVERFLOWED + BEST(kind) + placesIn(d) + FIRST_OF,
    folds: [
      {
        name: 'best',
        type: 'Best',
        begin: `Best(
firstOf(load_x(n, g, p, q), g),
select(vec4u(), placesIn(g, p, q, p, q), channelsOf(g) < vec4u(d.C)),
)`,
        step: `
let other = better(best, Best(load_x(n, b, h, w), placesIn(b, h, w, p, q)));
best = Best(select(best.value, other.value, inside), select(best.place, other.place, inside));`,
        join: (a, b) => `better(${a}, ${b})`,
      },
    ],
    body: `
store_y(n, g, p, q, ${d.along.C ? 'vec4f(best.value.x, 0.0, 0.0, 0.0)' : 'best.value'});
store_places(n, g, p, q, best.place);`,
  });

/**
 *   dX[i] = dY · [i was the extreme of its group]
 *
 * One invocation owns one pixel × four channels of dX.
 */
export function extremeBackward(
  d: GroupDims,
  slices: Slices<'dX' | 'dY'>,
  kind: Extreme,
  epilogue: BackwardEpilogue,
): Kernel {
  const gradient = gradientOf(epilogue);
  return eachOfGroups(d, {
    name: `${kind}Backward`,
    dims: gradient.dims,
    slices,
    tensors: [reads('dY', 'N C/4 P Q'), reads(...PLACES), ...gradient.tensors],
    functions: gradient.functions + placesIn(d),
    body: `
let dy = ${d.along.C ? 'vec4f(load_dY(n, g, p, q).x)' : 'load_dY(n, g, p, q)'};
let won = (load_places(n, g, p, q) == placesIn(b, h, w, p, q)) & inside;
storeGradient(n, b, h, w, select(vec4f(), dy, won));`,
  });
}
