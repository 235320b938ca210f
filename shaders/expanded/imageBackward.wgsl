struct Dims {
  N: u32, H: u32, W: u32, C: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32, PAD_LEFT: u32, DEPTH: u32,
  BLOCKS: u32, P: u32, Q: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, DEPTH/4, P, Q]
@group(0) @binding(2) var<storage, read_write> dX: array<f32>; // [N, C, H, W]

fn load_dY(n: u32, b: u32, p: u32, q: u32) -> vec4f {
  let i = ((n * d.BLOCKS + b) * d.P + p) * d.Q + q;
  return dY[i];
}

fn store_dX(n: u32, c: u32, h: u32, w: u32, value: f32) {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  dX[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let c = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let y = h + d.PAD_TOP;
  let x = w + d.PAD_LEFT;
  let p = y / d.STRIDE_Y;
  let q = x / d.STRIDE_X;
  let k = (c * d.STRIDE_Y + y % d.STRIDE_Y) * d.STRIDE_X + x % d.STRIDE_X;
  var gradient = 0.0;
  if (p < d.P && q < d.Q) { gradient = load_dY(n, k / 4u, p, q)[k % 4u]; }
  store_dX(n, c, h, w, gradient);
}
