struct Dims {
  N: u32, H: u32, W: u32, BLOCKS: u32, C: u32, X0_BLOCK: u32, X0_BLOCKS: u32, X1_BLOCK: u32, X1_BLOCKS: u32,
  Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x0: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> x1: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]

fn load_x0(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X0_BLOCKS + d.X0_BLOCK + b) * d.H + h) * d.W + w;
  return x0[i];
}

fn load_x1(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X1_BLOCKS + d.X1_BLOCK + b) * d.H + h) * d.W + w;
  return x1[i];
}

fn store_y(n: u32, b: u32, h: u32, w: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
  y[i] = value;
}

fn channelsOf(b: u32) -> vec4u {
  return vec4u(4u * b) + vec4u(0u, 1u, 2u, 3u);
}

fn overflowed(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}

fn f(a: vec4f, b: vec4f) -> vec4f {
  return select(select(select(b, a, a >= b), a, overflowed(a)), b, overflowed(b));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let value = f(load_x0(n, b, h, w), load_x1(n, b, h, w));
  store_y(n, b, h, w, select(vec4f(), value, channelsOf(b) < vec4u(d.C)));
}
