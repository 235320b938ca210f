struct Dims {
  N: u32, H: u32, W: u32, C: u32, X_BLOCK: u32, X_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> tap: array<f32>; // [N, C, H, W]

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn store_tap(n: u32, c: u32, h: u32, w: u32, value: f32) {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  tap[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let c = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;
  store_tap(n, c, h, w, load_x(n, c / 4u, h, w)[c % 4u]);
}
