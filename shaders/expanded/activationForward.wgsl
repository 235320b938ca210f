struct Dims {
  N: u32, H: u32, W: u32, BLOCKS: u32, C: u32, P_SLOPE: u32, STRIPS: u32, X_BLOCK: u32, X_BLOCKS: u32,
  Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read_write> mask: array<u32>; // [N, C/4, H, STRIPS]

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn store_y(n: u32, b: u32, h: u32, w: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
  y[i] = value;
}

fn store_mask(n: u32, b: u32, h: u32, strip: u32, value: u32) {
  let i = ((n * d.BLOCKS + b) * d.H + h) * d.STRIPS + strip;
  mask[i] = value;
}

fn channelsOf(b: u32) -> vec4u {
  return vec4u(4u * b) + vec4u(0u, 1u, 2u, 3u);
}

fn overflowed(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}

struct Parameters { slope: f32 }
fn parameters(b: u32) -> Parameters {
  return Parameters(bitcast<f32>(d.P_SLOPE));
}

fn f(x: vec4f, p: Parameters) -> vec4f {
  return select(select(p.slope * x, x, x > vec4f()), x, overflowed(x));
}
fn bitOf(x: vec4f, p: Parameters) -> vec4<bool> {
  return x > vec4f();
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.STRIPS) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.STRIPS;
  let strip = id.x % d.STRIPS;

  let within = channelsOf(b) < vec4u(d.C);
  var word = 0u;
  for (var j = 0u; j < 8u; j++) {
    let w = strip * 8u + j;
    if (w >= d.W) { break; }
    let value = load_x(n, b, h, w);
    store_y(n, b, h, w, select(vec4f(), f(value, parameters(b)), within));
    word |= dot(vec4u(bitOf(value, parameters(b))), vec4u(1u, 2u, 4u, 8u)) << (4u * j);
  }
  store_mask(n, b, h, strip, word);
}
