struct Dims {
  N: u32, H: u32, W: u32, C: u32, SC: u32, SH: u32, SW: u32, PLANE: u32, BLOCKS: u32, X_BLOCK: u32,
  X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, PLANE]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]

fn load_x(n: u32, b: u32, plane: u32) -> vec4f {
  let i = (n * d.X_BLOCKS + d.X_BLOCK + b) * d.PLANE + plane;
  return x[i];
}

fn store_y(n: u32, b: u32, h: u32, w: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
  y[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.BLOCKS * d.H * d.W) { return; }
  let n = id.z;
  let b = id.x / (d.H * d.W);
  let h = id.x / d.W % d.H;
  let w = id.x % d.W;

  var value = vec4f();
  for (var lane = 0u; lane < 4u; lane++) {
    let c = b * 4u + lane;
    let source = c * d.SC + h * d.SH + w * d.SW;
    let channel = source / d.PLANE;
    if (c < d.C) { value[lane] = load_x(n, channel / 4u, source % d.PLANE)[channel % 4u]; }
  }
  store_y(n, b, h, w, value);
}
