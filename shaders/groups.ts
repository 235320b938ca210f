/**
 * Groups: the elements of a tensor that lie along some of its axes, such as the channels of a pixel or the pixels of a
 * channel. There is one group for each place along the other axes. A kernel folds each group into a value (its sum, its
 * maximum), and another one reads that value again for each element.
 *
 * A group of channels has them in the lanes of its blocks, so there the fold also goes over lanes, and all four lanes
 * of its value are the same. Otherwise each lane is a group of its own.
 */
import { CHANNELS } from './epilogue';
import { type Kernel, type KernelParts, MOST_WORKGROUPS, WORKGROUP, blocksOf, eachPixel, kernel } from './kernel';
import { wgsl } from './wgsl';

export interface GroupDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly BLOCKS: number;
  /** Along which axes a group lies. */
  readonly along: { readonly C: boolean; readonly H: boolean; readonly W: boolean };
}

/** Fields of the uniform: extents, places of groups (`KEPT` blocks × P × Q), and what a group holds. */
function fieldsOf({ N, C, H, W, BLOCKS, along }: GroupDims) {
  const [RUN_H, RUN_W] = [along.H ? H : 1, along.W ? W : 1];
  return {
    N,
    C,
    H,
    W,
    BLOCKS,
    KEPT: along.C ? 1 : BLOCKS,
    P: along.H ? 1 : H,
    Q: along.W ? 1 : W,
    RUN_B: along.C ? BLOCKS : 1,
    RUN_H,
    RUN_W,
    /** Elements of a group. */
    SIZE: (along.C ? C : 1) * RUN_H * RUN_W,
    /** Blocks of four in which they lie. */
    COUNT: (along.C ? BLOCKS : 1) * RUN_H * RUN_W,
  };
}

/** Bytes of a tensor that holds `vectors` of four numbers for each place of a group, `[N, KEPT, P, Q, vectors]`. */
export function groupBytes(d: GroupDims, vectors: number): number {
  const { N, KEPT, P, Q } = fieldsOf(d);
  return N * KEPT * P * Q * vectors * 16;
}

/** What a fold makes of a group. Its type has a lane for each of a block's channels. */
export interface Fold {
  readonly name: string;
  readonly type: 'vec4f' | 'mat2x4f' | 'Best';
  /** WGSL: the value of no elements. It may read the group's first block, (n, g, p, q). */
  readonly begin: string;
  /** WGSL: takes block (n, b, h, w) into `name`. `inside` says which of its lanes are elements. */
  readonly step: string;
  /** WGSL: of the values `a` and `b` that of both. */
  readonly join: (a: string, b: string) => string;
}

/** WGSL: `firstOf(v, b)`, where a maximum begins: in lanes past C, which are no elements, the first channel. */
export const FIRST_OF = `
fn firstOf(v: vec4f, b: u32) -> vec4f {
  return select(vec4f(v.x), v, channelsOf(b) < vec4u(d.C));
}`;

/** A fold that adds up. */
export const sumOf = (name: string, type: 'vec4f' | 'mat2x4f', step: string): Fold => ({
  name,
  type,
  begin: `${type}()`,
  step,
  join: (a, b) => `${a} + ${b}`,
});

/** WGSL: a value with its lanes in another order. */
const LANES: Readonly<Record<Fold['type'], (value: string, order: string) => string>> = {
  vec4f: (value, order) => `${value}.${order}`,
  mat2x4f: (value, order) => `mat2x4f(${value}[0].${order}, ${value}[1].${order})`,
  Best: (value, order) => `Best(${value}.value.${order}, ${value}.place.${order})`,
};

/** As in {@link KernelParts}. */
type GroupParts = Pick<KernelParts, 'name' | 'slices' | 'tensors' | 'functions' | 'body'> &
  Partial<Pick<KernelParts, 'dims'>>;

/** From so many blocks on, the invocations of a workgroup share a group: one of them would walk too far. */
const SHARED_FROM = WORKGROUP;

/**
 * A kernel that folds groups, one fold after the other, and then does `body` once for each group, (n, g, p, q), and
 * `each` for every block (n, b, h, w) of it. Between two folds the value of the first one can be changed: `after`.
 */
export function foldGroups(
  d: GroupDims,
  {
    folds,
    functions = '',
    body = '',
    each = '',
    dims: own = {},
    ...parts
  }: Omit<GroupParts, 'body'> & {
    readonly folds: readonly (Fold & { readonly after?: string })[];
    readonly body?: string;
    readonly each?: string;
  },
): Kernel {
  const dims = { ...fieldsOf(d), ...own };
  const shared = dims.COUNT >= SHARED_FROM && dims.P * dims.Q <= MOST_WORKGROUPS;
  const walk = (step: string): string => `
for (var i = ${shared ? 'me' : '0u'}; i < d.COUNT; i += ${shared ? WORKGROUP : 1}u) {
  let w = q + i % d.RUN_W;
  let h = p + i / d.RUN_W % d.RUN_H;
  let b = g + i / (d.RUN_W * d.RUN_H);
  let inside = channelsOf(b) < vec4u(d.C);
  ${step.trim()}
}`;
  const fold = ({ name, type, begin, step, join, after = '' }: (typeof folds)[number]): string => {
    const turned = (order: string): string => `${name} = ${join(name, LANES[type](name, order))};`;
    return wgsl`
var ${name} = ${begin};${walk(step)}
#if ${shared}
${name}Parts[me] = ${name};
workgroupBarrier();
for (var half = ${WORKGROUP / 2}u; half > 0u; half /= 2u) {
  if (me < half) { ${name}Parts[me] = ${join(`${name}Parts[me]`, `${name}Parts[me + half]`)}; }
  workgroupBarrier();
}
${name} = ${name}Parts[0];
#endif
#if ${d.along.C}
${turned('yxwz')}
${turned('zwxy')}
#endif
${after.trim()}`;
  };
  const workgroupParts = folds.map(({ name, type }) => `var<workgroup> ${name}Parts: array<${type}, ${WORKGROUP}>;`);
  const common = {
    ...parts,
    dims,
    functions: `${functions}${CHANNELS}${shared ? `\n\n${workgroupParts.join('\n')}` : ''}`,
  };
  const folded = folds.map(fold).join('\n');
  const last = each && walk(each);
  if (!shared)
    return kernel({
      ...common,
      each: { x: { p: 'P', q: 'Q' }, y: { g: 'KEPT' }, z: { n: 'N' } },
      body: `${folded}\n${body}${last}`,
    });
  return kernel({
    ...common,
    workgroups: [dims.P * dims.Q, dims.KEPT, dims.N],
    workgroupSize: [WORKGROUP],
    takes: ['group', 'me'],
    body: wgsl`
let n = group.z;
let g = group.y;
let p = group.x / d.Q;
let q = group.x % d.Q;
${folded}
#if ${body !== ''}
if (me == 0u) {
  ${body.trim()}
}
#endif${last}`,
  });
}

/** A kernel that does `body` for each block (n, b, h, w); (n, g, p, q) is the place of its group. */
export const eachOfGroups = (d: GroupDims, { functions = '', body, dims, ...parts }: GroupParts): Kernel =>
  kernel({
    ...parts,
    dims: { ...fieldsOf(d), ...dims },
    functions: `${functions}${CHANNELS}`,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: `
let g = min(b, d.KEPT - 1u);
let p = min(h, d.P - 1u);
let q = min(w, d.Q - 1u);
let inside = channelsOf(b) < vec4u(d.C);
${body}`,
  });

/** The groups along these axes. */
export const groupsOf = (
  N: number,
  { C, H, W }: { readonly C: number; readonly H: number; readonly W: number },
  axes: readonly ('C' | 'H' | 'W')[],
): GroupDims => ({
  N,
  C,
  H,
  W,
  BLOCKS: blocksOf(C),
  along: { C: axes.includes('C'), H: axes.includes('H'), W: axes.includes('W') },
});
