struct Dims {
  N: u32, H: u32, W: u32, BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> value: array<vec4f>; // [C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]

fn load_value(b: u32, h: u32, w: u32) -> vec4f {
  let i = (b * d.H + h) * d.W + w;
  return value[i];
}

fn store_y(n: u32, b: u32, h: u32, w: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
  y[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;
  store_y(n, b, h, w, load_value(b, h, w));
}
