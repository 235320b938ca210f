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
fn firstOutput(at: u32, span: u32, stride: u32) -> u32 {
  return select(0u, (at - span) / stride + 1u, at >= span);
}
// those that lie before position `end` of the padded input
fn before(end: u32, begin: u32, taps: u32, dilation: u32) -> u32 {
  return select(0u, min(taps, (end - begin + dilation - 1u) / dilation), end > begin);
}
fn count(p: u32, taps: u32, stride: u32, pad: u32, dilation: u32, extent: u32, padded: u32) -> u32 {
  let begin = p * stride;
  if (d.COUNT_PADDING == 1u) { return before(padded, begin, taps, dilation); }
  return before(pad + extent, begin, taps, dilation) - before(pad, begin, taps, dilation);
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
  let y = h + d.PAD_TOP;
  let x = w + d.PAD_LEFT;
  let firstP = firstOutput(y, (d.R - 1u) * d.DILATION_Y + 1u, d.STRIDE_Y);
  let firstQ = firstOutput(x, (d.S - 1u) * d.DILATION_X + 1u, d.STRIDE_X);
  for (var p = firstP; p < d.P && p * d.STRIDE_Y <= y; p++) {
    let down = y - p * d.STRIDE_Y;
    if (down % d.DILATION_Y != 0u) { continue; }
    let r = down / d.DILATION_Y;
    for (var q = firstQ; q < d.Q && q * d.STRIDE_X <= x; q++) {
      let along = x - q * d.STRIDE_X;
      if (along % d.DILATION_X != 0u) { continue; }
      let s = along / d.DILATION_X;
      sum += load_dY(n, b, p, q) * tapWeight(p, q);
    }
  }
  storeGradient(n, b, h, w, sum);
}
