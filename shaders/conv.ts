/**
 * Convolution, direct family: plain register blocking, runtime loop bounds, no workgroup memory. What software adapters run
 * fastest, and the partner that every faster kernel is tested against.
 *
 * Weights are prepacked as `[O/4, C/4, R, S]` of four `vec4f`: one per input lane, each over the four output lanes.
 */
import { type BackwardEpilogue, DEAD, RECTIFY, epilogueDims, giveFunction } from './epilogue';
import { type Kernel, STRIP, type WindowDims, blocksOf, lines, uniform } from './kernel';
import { wgsl } from './wgsl';

/** Extents of one convolution as the kernel walks it. */
export interface ConvDims extends WindowDims {
  /** Input and output blocks of one group, and the number of groups. */
  readonly IN: number;
  readonly OUT: number;
  readonly GROUPS: number;
}

export interface ForwardEpilogue {
  readonly bias: boolean;
  readonly relu: boolean;
  /** Keep the ReLU bits. */
  readonly bits: boolean;
  /** Max-pool 2×2 with stride 2 what was computed, and keep the switches; P and Q must be even. */
  readonly pooled: boolean;
}

const WORKGROUP = 32;
const flopsOf = (d: ConvDims): number => 2 * d.N * d.P * d.Q * d.R * d.S * d.GROUPS * d.IN * d.OUT * 16;

/** The eight pixels of one invocation: a strip of one row, or four pixels of two rows. */
interface Tile {
  readonly rows: 1 | 2;
  readonly columns: 8 | 4;
}
const ROW: Tile = { rows: 1, columns: STRIP };
const SQUARE: Tile = { rows: 2, columns: 4 };

const pixels = (snippet: (j: number) => string): string => lines(STRIP, snippet);
const MULTIPLY_ADD = pixels((j) => `        a${j} += x${j}.x * k0 + x${j}.y * k1 + x${j}.z * k2 + x${j}.w * k3;`);

/**
 *   y[n,o,p,q] = bias[o] + Σ_{c,r,s} weight[o,c,r,s] · x[n, c, p·STRIDE + r·DILATION − PAD, q·STRIDE + s·DILATION − PAD]
 *
 * One invocation owns eight pixels × four output channels: `a0 … a7`, row by row of its tile. With stride and dilation 1 along x the
 * inputs roll through registers, one load per tap and row instead of one per pixel (1.6–1.9× faster on software adapters). A row or
 * column in the padding wraps past zero and so fails `h < H`.
 */
function convolution(name: string, d: ConvDims, tile: Tile, bias: boolean, more: Readonly<Record<string, number>>, declarations: string, epilogue: string): Kernel {
  const { rows, columns } = tile;
  const rolls = d.STRIDE_X === 1 && d.DILATION_X === 1;
  const dims = { ...d, STRIPS: Math.ceil(d.Q / columns), ...more };
  const inRow = (row: number, condition: string): string => (rows === 1 ? condition : `in${row} && ${condition}`);
  const perRow = (snippet: (row: number) => string): string => lines(rows, snippet);
  return {
    name,
    dims,
    flops: flopsOf(d),
    workgroups: [Math.ceil((dims.STRIPS * d.P) / rows / WORKGROUP), d.GROUPS * d.OUT, d.N],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;       // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;  // [O/4, C/4, R, S, 4]
${declarations}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let strip = id.x % d.STRIPS;
  let p = id.x / d.STRIPS * ${rows}u;
  if (p >= d.P) { return; }
  let q = strip * ${columns}u;
  let o = id.y;
  let n = id.z;
#if ${bias}
  let start = bias[o];
#else
  let start = vec4f();
#endif
${pixels((j) => `  var a${j} = start;`)}

  let input = n * d.X_BLOCKS + d.X_BLOCK + o / d.OUT * d.IN;
  for (var c = 0u; c < d.IN; c++) {
    for (var r = 0u; r < d.R; r++) {
${perRow((row) => `      let h${row} = (p + ${row}u) * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
      let in${row} = h${row} < d.H;
      let row${row} = ((input + c) * d.H + min(h${row}, d.H - 1u)) * d.W;`)}
      if (!(${Array.from({ length: rows }, (_, row) => `in${row}`).join(' || ')})) { continue; }
      var tap = ((o * d.IN + c) * d.R + r) * d.S * 4u;
#if ${rolls}
${pixels((j) => `      var x${j} = vec4f();`)}
${perRow((row) => lines(columns - 1, (k) => `      { let w = q + ${k}u - d.PAD_LEFT; if (${inRow(row, 'w < d.W')}) { x${row * columns + k + 1} = x[row${row} + w]; } }`))}
#endif
      for (var s = 0u; s < d.S; s++) {
#if ${rolls}
        let w = q + ${columns - 1}u + s - d.PAD_LEFT;
${perRow((row) => `${lines(columns - 1, (k) => `        x${row * columns + k} = x${row * columns + k + 1};`)}
        x${row * columns + columns - 1} = select(vec4f(), x[row${row} + min(w, d.W - 1u)], ${inRow(row, 'w < d.W')});`)}
#else
        let first = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
${lines(columns, (k) => `        let w${k} = first + ${k}u * d.STRIDE_X;`)}
${pixels((j) => `        let x${j} = select(vec4f(), x[row${Math.floor(j / columns)} + min(w${j % columns}, d.W - 1u)], ${inRow(Math.floor(j / columns), `w${j % columns} < d.W`)});`)}
#endif
        let k0 = weight[tap];
        let k1 = weight[tap + 1u];
        let k2 = weight[tap + 2u];
        let k3 = weight[tap + 3u];
        tap += 4u;
${MULTIPLY_ADD}
      }
    }
  }

${epilogue}
}`,
  };
}

/** Forward, with bias, ReLU, its bits or a 2×2 max-pool in the epilogue. Bindings: x weight [bias] y [bits | switches]. */
export function convForward(d: ConvDims, epilogue: ForwardEpilogue): Kernel {
  const { bias, relu, bits, pooled } = epilogue;
  const declarations = wgsl`
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, O/4, P, Q]
#if ${bias}
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;    // [O/4]
#endif
#if ${pooled}
@group(0) @binding(5) var<storage, read_write> switches: array<u32>; // [N, O/4, P/2, Q/4]
#elif ${bits}
@group(0) @binding(5) var<storage, read_write> bits: array<u32>; // [N, O/4, P, Q/8]
#endif
${relu ? RECTIFY : ''}`;
  return pooled
    ? convolution('convPoolForward', d, SQUARE, bias, {}, declarations + POOL, pooledEpilogue(relu))
    : convolution('convForward', d, ROW, bias, {}, declarations, plainEpilogue(relu, bits));
}

const plainEpilogue = (relu: boolean, bits: boolean): string => wgsl`
#if ${relu}
${pixels((j) => `  a${j} = rectify(a${j});`)}
#endif
  let line = (n * d.Y_BLOCKS + d.Y_BLOCK + o) * d.P + p;
#if ${bits}
  bits[line * d.STRIPS + strip] = ${Array.from({ length: STRIP }, (_, j) => `(signs(a${j}) << ${4 * j}u)`).join(' | ')};
#endif
${pixels((j) => `  if (q + ${j}u < d.Q) { y[line * d.Q + q + ${j}u] = a${j}; }`)}`;

// The winner of four taps in row-major order, the first on a tie.
const POOL = `
struct Pooled { value: vec4f, winner: vec4u }
fn better(a: Pooled, value: vec4f, tap: u32) -> Pooled {
  let wins = value > a.value;
  return Pooled(select(a.value, value, wins), select(a.winner, vec4u(tap), wins));
}
fn pool(a: vec4f, b: vec4f, c: vec4f, e: vec4f) -> Pooled {
  return better(better(better(Pooled(a, vec4u()), b, 1u), c, 2u), e, 3u);
}
fn code(winner: vec4u) -> u32 {
  let codes = winner << vec4u(0u, 4u, 8u, 12u);
  return codes.x | codes.y | codes.z | codes.w;
}`;

/** Two pooled pixels: one word of switches. Pooling before rectifying gives the same values, and the same winners where any is positive. */
const pooledEpilogue = (relu: boolean): string => wgsl`
  var left = pool(a0, a1, a4, a5);
  var right = pool(a2, a3, a6, a7);
#if ${relu}
  left = Pooled(rectify(left.value), select(left.winner, vec4u(${DEAD}u), left.value <= vec4f()));
  right = Pooled(rectify(right.value), select(right.winner, vec4u(${DEAD}u), right.value <= vec4f()));
#endif
  let height = d.P / 2u;
  let width = d.Q / 2u;
  let line = (n * d.Y_BLOCKS + d.Y_BLOCK + o) * height + p / 2u;
  y[line * width + q / 2u] = left.value;
  if (q / 2u + 1u < width) { y[line * width + q / 2u + 1u] = right.value; }
  switches[((n * d.GROUPS * d.OUT + o) * height + p / 2u) * d.STRIPS + strip] = code(left.winner) | (code(right.winner) << 16u);`;

/**
 * Input gradient of a convolution with stride 1:
 *
 *   dX[n,c,h,w] = Σ_{o,r,s} weight[o,c,r,s] · dY[n, o, h + PAD − r·DILATION, w + PAD − s·DILATION]
 *
 * which is the forward kernel over dY with flipped filters and PAD' = (R − 1)·DILATION − PAD: `d` is that convolution's, with
 * `x` bound to dY.
 */
export function convBackward(d: ConvDims, epilogue: BackwardEpilogue): Kernel {
  return convolution('convBackward', d, ROW, false, epilogueDims(epilogue), giveFunction(3, epilogue, 'd.P', 'd.Q'), `
  let plane = n * d.Y_BLOCKS + d.Y_BLOCK + o;
${pixels((j) => `  if (q + ${j}u < d.Q) { give(plane, p, q + ${j}u, a${j}); }`)}`);
}

/**
 * Input gradient of a convolution with any stride, by gathering: an invocation owns eight pixels of one row that share their phase
 * (w, w + STRIDE, …), and so share their taps; those whose row or column falls between two outputs are passed over.
 * `d` is the forward convolution's. Weights are `[C/4, O/4, R, S, 4]`: one `vec4f` per output lane, over four input lanes.
 */
export function convBackwardStrided(d: ConvDims, epilogue: BackwardEpilogue): Kernel {
  const dims = { ...d, RUNS: Math.ceil(d.W / (STRIP * d.STRIDE_X)) * d.STRIDE_X, ...epilogueDims(epilogue) };
  return {
    name: 'convBackwardStrided',
    dims,
    flops: flopsOf(d),
    workgroups: [Math.ceil((dims.RUNS * d.H) / WORKGROUP), d.GROUPS * d.IN, d.N],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;       // [N, O/4, P, Q]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;   // [C/4, O/4, R, S, 4]
${giveFunction(3, epilogue)}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.RUNS) { return; }
  let h = id.x / d.RUNS;
  let run = id.x % d.RUNS;
  let w = run / d.STRIDE_X * d.STRIDE_X * ${STRIP}u + run % d.STRIDE_X;
  let c = id.y;
  let n = id.z;
${pixels((j) => `  var a${j} = vec4f();`)}

  let gradient = n * d.Y_BLOCKS + d.Y_BLOCK + c / d.IN * d.OUT;
  for (var r = 0u; r < d.R; r++) {
    let y = i32(h + d.PAD_TOP) - i32(r * d.DILATION_Y);
    let p = u32(y / i32(d.STRIDE_Y));
    if (y < 0 || y % i32(d.STRIDE_Y) != 0 || p >= d.P) { continue; }
    for (var s = 0u; s < d.S; s++) {
      let x = i32(w + d.PAD_LEFT) - i32(s * d.DILATION_X);
      if (x % i32(d.STRIDE_X) != 0) { continue; }
      let q = u32(x / i32(d.STRIDE_X));
      for (var o = 0u; o < d.OUT; o++) {
        let row = ((gradient + o) * d.P + p) * d.Q;
        let tap = (((c * d.OUT + o) * d.R + r) * d.S + s) * 4u;
        let k0 = weight[tap];
        let k1 = weight[tap + 1u];
        let k2 = weight[tap + 2u];
        let k3 = weight[tap + 3u];
${pixels((j) => `        let q${j} = q + ${j}u;
        let x${j} = select(vec4f(), dY[row + min(q${j}, d.Q - 1u)], q${j} < d.Q);`)}
${MULTIPLY_ADD}
      }
    }
  }

  let plane = n * d.X_BLOCKS + d.X_BLOCK + c;
${pixels((j) => `  { let v = w + ${j}u * d.STRIDE_X; if (v < d.W) { give(plane, h, v, a${j}); } }`)}
}`,
  };
}

/**
 * Where a convolution's weights lie once packed. `groups` collapses to 1, with zeros between the groups, when a group's channels
 * do not fill whole blocks.
 */
export interface ConvWeightShape {
  readonly O: number;
  readonly C: number;
  readonly R: number;
  readonly S: number;
  readonly groups: number;
}

/** Groups that the kernels can keep apart. */
export const blockedGroups = ({ O, C, groups }: ConvWeightShape): number =>
  (O / groups) % 4 === 0 && (C / groups) % 4 === 0 ? groups : 1;

/** Elements of a packed weight. */
export function packedConvLength(shape: ConvWeightShape): number {
  const groups = blockedGroups(shape);
  return groups * blocksOf(shape.O / groups) * blocksOf(shape.C / groups) * shape.R * shape.S * 16;
}

/**
 * OIHW `[O, C/groups, R, S]` → `[O/4, C/4 of the group, R, S, input lane, output lane]` for the forward kernel; with `transposed`,
 * input and output change places (and for `flipped` the filter is turned by 180°) for the backward kernels.
 */
export function packConvWeight(weight: Float32Array, shape: ConvWeightShape, direction: 'forward' | 'transposed' | 'flipped'): Float32Array {
  const { O, C, R, S, groups } = shape;
  const kept = blockedGroups(shape);
  const packed = new Float32Array(packedConvLength(shape));
  const inner = blocksOf((direction === 'forward' ? C : O) / kept);
  const perGroup = { O: O / groups, C: C / groups };
  const keptGroup = { O: O / kept, C: C / kept };
  for (let o = 0; o < O; o++) {
    const group = Math.floor(o / perGroup.O);
    for (let k = 0; k < perGroup.C; k++) {
      const c = group * perGroup.C + k;
      const keptIndex = Math.floor(o / keptGroup.O);
      const local = { o: o - keptIndex * keptGroup.O, c: c - keptIndex * keptGroup.C };
      const [outer, outerLane, step, stepLane] =
        direction === 'forward'
          ? [keptIndex * blocksOf(keptGroup.O) + (local.o >> 2), local.o & 3, local.c >> 2, local.c & 3]
          : [keptIndex * blocksOf(keptGroup.C) + (local.c >> 2), local.c & 3, local.o >> 2, local.o & 3];
      for (let r = 0; r < R; r++) {
        for (let s = 0; s < S; s++) {
          const tap = direction === 'flipped' ? (R - 1 - r) * S + (S - 1 - s) : r * S + s;
          packed[(((outer * inner + step) * R * S + tap) * 4 + stepLane) * 4 + outerLane] = weight[((o * perGroup.C + k) * R + r) * S + s]!;
        }
      }
    }
  }
  return packed;
}
