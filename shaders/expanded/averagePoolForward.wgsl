struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, BLOCKS: u32, PADDED_H: u32, PADDED_W: u32,
  COUNT_PADDING: u32, X_BLOCK: u32, X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, P, Q]

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn store_y(n: u32, b: u32, p: u32, q: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.P + p) * d.Q + q;
  y[i] = value;
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
  if (id.x >= d.P * d.Q) { return; }
  let n = id.z;
  let b = id.y;
  let p = id.x / d.Q;
  let q = id.x % d.Q;

  let plane = index_x(n, b, 0u, 0u);
  var sum = vec4f();
  for (var r = 0u; r < d.R; r++) {
    let h = p * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
    if (h >= d.H) { continue; }
    var row = vec4f(); // rows first: shorter sums round less
    for (var s = 0u; s < d.S; s++) {
      let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
      if (w < d.W) { row += load_x_at(plane + h * d.W + w); }
    }
    sum += row;
  }
  store_y(n, b, p, q, sum * tapWeight(p, q));
}
