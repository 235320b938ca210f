struct Dims {
  N: u32, H: u32, W: u32, BLOCKS: u32, C: u32, DX_BLOCK: u32, DX_BLOCKS: u32, DY_BLOCK: u32, DY_BLOCKS: u32,
  X0_BLOCK: u32, X0_BLOCKS: u32, X1_BLOCK: u32, X1_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> x0: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read> x1: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(4) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(5) var<storage, read> bits: array<u32>; // [N, C/4, H, W/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(6) var<uniform> rule: Rule;

fn load_dY(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.DY_BLOCKS + d.DY_BLOCK + b) * d.H + h) * d.W + w;
  return dY[i];
}

fn load_x0(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X0_BLOCKS + d.X0_BLOCK + b) * d.H + h) * d.W + w;
  return x0[i];
}

fn load_x1(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X1_BLOCKS + d.X1_BLOCK + b) * d.H + h) * d.W + w;
  return x1[i];
}

fn index_dX(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_bits(n: u32, b: u32, h: u32, strip: u32) -> u32 {
  let i = ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * ((d.W + 7u) / 8u) + strip;
  return bits[i];
}

// which of a pixel's four bits are set
fn lit(bits: u32) -> vec4<bool> {
  return (vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
}
fn bitsAt(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return load_bits(n, b, h, w / 8u) >> (w % 8u * 4u);
}

fn overflowed(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}
fn gated(g: vec4f, live: vec4<bool>) -> vec4f {
  let kept = (g > vec4f()) | vec4<bool>(rule.testGradient == 0u) | overflowed(g);
  return select(vec4f(), g, live & kept);
}

fn isLive(n: u32, b: u32, h: u32, w: u32) -> vec4<bool> {
  return lit(bitsAt(n, b, h, w)) | vec4<bool>(rule.ignoreInput != 0u);
}

fn storeGradient(n: u32, b: u32, h: u32, w: u32, g: vec4f) {
  let i = index_dX(n, b, h, w);
  let sum = dX[i] + g;
  dX[i] = gated(sum, isLive(n, b, h, w));
}

fn channelsOf(b: u32) -> vec4u {
  return vec4u(4u * b) + vec4u(0u, 1u, 2u, 3u);
}

fn slope(a: vec4f, b: vec4f) -> vec4f {
  return -(a / b) / b;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let value = load_dY(n, b, h, w) * slope(load_x0(n, b, h, w), load_x1(n, b, h, w));
  storeGradient(n, b, h, w, select(vec4f(), value, channelsOf(b) < vec4u(d.C)));
}
