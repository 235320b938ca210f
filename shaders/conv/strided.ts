/** Input gradient of a convolution with stride, by gathering. */
import { type BackwardEpilogue, epilogueDims, giveFunction } from '../epilogue';
import { type Kernel, STRIP, lines, uniform } from '../kernel';
import { wgsl } from '../wgsl';
import { type ConvDims, flopsOf } from './shape';

const WORKGROUP = 32;
const pixels = (snippet: (j: number) => string): string => lines(STRIP, snippet);

/**
 * Input gradient of a convolution with any stride, by gathering: an invocation owns eight pixels of one row that share
 * their phase (w, w + STRIDE, …), and so share their taps; those whose row or column falls between two outputs are
 * passed over. `d` is the forward convolution's. Weights are `[C/4, O/4, R, S, 4]`: one `vec4f` per output lane, over
 * four input lanes.
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
${pixels(
  (j) => `        let q${j} = q + ${j}u;
        let x${j} = select(vec4f(), dY[row + min(q${j}, d.Q - 1u)], q${j} < d.Q);`,
)}
${pixels((j) => `        a${j} += x${j}.x * k0 + x${j}.y * k1 + x${j}.z * k2 + x${j}.w * k3;`)}
      }
    }
  }

  let plane = n * d.X_BLOCKS + d.X_BLOCK + c;
${pixels((j) => `  { let v = w + ${j}u * d.STRIDE_X; if (v < d.W) { give(plane, h, v, a${j}); } }`)}
}`,
  };
}
