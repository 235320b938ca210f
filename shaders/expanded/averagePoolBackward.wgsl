struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, BLOCKS: u32, PADDED_H: u32, PADDED_W: u32,
  COUNT_PADDING: u32, DX_BLOCK: u32, DX_BLOCKS: u32, DY_BLOCK: u32, DY_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(2) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]

fn load_dY(n: u32, b: u32, p: u32, q: u32) -> vec4f {
  let i = ((n * d.DY_BLOCKS + d.DY_BLOCK + b) * d.P + p) * d.Q + q;
  return dY[i];
}

fn index_dX(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * d.W + w;
}

fn isLive(n: u32, b: u32, h: u32, w: u32) -> vec4<bool> {
  return vec4<bool>(true);
}

fn storeGradient(n: u32, b: u32, h: u32, w: u32, g: vec4f) {
  let i = index_dX(n, b, h, w);
  let sum = g;
  dX[i] = sum;
}
fn outputAt(at: u32, tap: u32, stride: u32) -> u32 {
  let begin = i32(at) - i32(tap);
  return select(0x80000000u, u32(begin / i32(stride)), begin % i32(stride) == 0);
}
fn count(p: u32, taps: u32, stride: u32, pad: u32, dilation: u32, extent: u32, padded: u32) -> u32 {
  var sum = 0u;
  for (var r = 0u; r < taps; r++) {
    let y = p * stride + r * dilation;
    sum += select(u32(y - pad < extent), u32(y < padded), d.COUNT_PADDING == 1u);
  }
  return sum;
}
fn tapWeight(p: u32, q: u32) -> f32 {
  let rows = count(p, d.R, d.STRIDE_Y, d.PAD_TOP, d.DILATION_Y, d.H, d.PADDED_H);
  let columns = count(q, d.S, d.STRIDE_X, d.PAD_LEFT, d.DILATION_X, d.W, d.PADDED_W);
  return 1.0 / f32(rows * columns);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  var sum = vec4f();
  for (var r = 0u; r < d.R; r++) {
    let p = outputAt(h + d.PAD_TOP, r * d.DILATION_Y, d.STRIDE_Y);
    if (p >= d.P) { continue; }
    for (var s = 0u; s < d.S; s++) {
      let q = outputAt(w + d.PAD_LEFT, s * d.DILATION_X, d.STRIDE_X);
      if (q >= d.Q) { continue; }
      sum += load_dY(n, b, p, q) * tapWeight(p, q);
    }
  }
  storeGradient(n, b, h, w, sum);
}
