struct Dims {
  N: u32, H: u32, W: u32, C: u32, PLANE: u32, BLOCKS: u32, D0: u32, S0: u32, D1: u32, S1: u32, D2: u32,
  S2: u32, D3: u32, S3: u32, D4: u32, S4: u32, D5: u32, S5: u32, X_BLOCK: u32, X_BLOCKS: u32, DX_BLOCK: u32,
  DX_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, PLANE]
@group(0) @binding(2) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read> bits: array<u32>; // [N, C/4, H, W/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(4) var<uniform> rule: Rule;

fn load_x(n: u32, b: u32, plane: u32) -> vec4f {
  let i = (n * d.X_BLOCKS + d.X_BLOCK + b) * d.PLANE + plane;
  return x[i];
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
fn sourceOf(i: u32) -> u32 {
  var rest = i;
  var source = 0u;
  source += (rest % d.D5) * d.S5;
  rest /= d.D5;
  source += (rest % d.D4) * d.S4;
  rest /= d.D4;
  source += (rest % d.D3) * d.S3;
  rest /= d.D3;
  source += (rest % d.D2) * d.S2;
  rest /= d.D2;
  source += (rest % d.D1) * d.S1;
  rest /= d.D1;
  source += (rest % d.D0) * d.S0;
  rest /= d.D0;
  return source;
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
    if (c < d.C) {
      let source = sourceOf((c * d.H + h) * d.W + w);
      let channel = source / d.PLANE;
      value[lane] = load_x(n, channel / 4u, source % d.PLANE)[channel % 4u];
    }
  }
  storeGradient(n, b, h, w, value);
}
