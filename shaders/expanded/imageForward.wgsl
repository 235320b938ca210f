struct Dims {
  N: u32, H: u32, W: u32, C: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32, PAD_LEFT: u32, DEPTH: u32,
  BLOCKS: u32, P: u32, Q: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>; // [N, C, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, DEPTH/4, P, Q]

fn load_x(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return x[i];
}

fn store_y(n: u32, b: u32, p: u32, q: u32, value: vec4f) {
  let i = ((n * d.BLOCKS + b) * d.P + p) * d.Q + q;
  y[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.P * d.Q) { return; }
  let n = id.z;
  let b = id.y;
  let p = id.x / d.Q;
  let q = id.x % d.Q;

  var cell = vec4f();
  for (var lane = 0u; lane < 4u; lane++) {
    let k = b * 4u + lane;
    let c = k / (d.STRIDE_Y * d.STRIDE_X);
    let h = p * d.STRIDE_Y + k / d.STRIDE_X % d.STRIDE_Y - d.PAD_TOP;
    let w = q * d.STRIDE_X + k % d.STRIDE_X - d.PAD_LEFT;
    if (k < d.DEPTH && h < d.H && w < d.W) { cell[lane] = load_x(n, c, h, w); }
  }
  store_y(n, b, p, q, cell);
}
