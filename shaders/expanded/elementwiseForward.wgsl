struct Dims {
  N: u32, H: u32, W: u32, BLOCKS: u32, STRIPS: u32, X0_BLOCK: u32, X0_BLOCKS: u32, X1_BLOCK: u32,
  X1_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x0: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> x1: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(4) var<storage, read_write> bits: array<u32>; // [N, C/4, H, STRIPS]

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

fn store_bits(n: u32, b: u32, h: u32, strip: u32, value: u32) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.STRIPS + strip;
  bits[i] = value;
}

fn rectify(v: vec4f) -> vec4f {
  return select(v, vec4f(), (v <= vec4f()) & (bitcast<vec4u>(v) != vec4u(0xff800000u)));
}
fn signs(v: vec4f) -> u32 {
  return dot(vec4u(v > vec4f()), vec4u(1u, 2u, 4u, 8u));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.STRIPS) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.STRIPS;
  let strip = id.x % d.STRIPS;

  var word = 0u;
  for (var j = 0u; j < 8u; j++) {
    let w = strip * 8u + j;
    if (w >= d.W) { break; }
    var value = load_x0(n, b, h, w) + load_x1(n, b, h, w);
    value = rectify(value);
    word |= signs(value) << (4u * j);
    store_y(n, b, h, w, value);
  }
  store_bits(n, b, h, strip, word);
}
