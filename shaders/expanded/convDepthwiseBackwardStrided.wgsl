struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, DX_BLOCK: u32,
  DX_BLOCKS: u32, DY_BLOCK: u32, DY_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [C/4, R, S]
@group(0) @binding(3) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(4) var<storage, read> bits: array<u32>; // [N, C/4, H, W/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(5) var<uniform> rule: Rule;

fn load_dY(n: u32, b: u32, p: u32, q: u32) -> vec4f {
  let i = ((n * d.DY_BLOCKS + d.DY_BLOCK + b) * d.P + p) * d.Q + q;
  return dY[i];
}

fn load_weight(b: u32, r: u32, s: u32) -> vec4f {
  let i = (b * d.R + r) * d.S + s;
  return weight[i];
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
fn outputAt(at: u32, tap: u32, stride: u32) -> u32 {
  let begin = i32(at) - i32(tap);
  return select(0x80000000u, u32(begin / i32(stride)), begin % i32(stride) == 0);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  var sum = vec4f();
  for (var r = 0u; r < d.R; r++) {
    let p = outputAt(h + d.PAD_TOP, r * d.DILATION_Y, d.STRIDE_Y);
    if (p >= d.P) { continue; }
    for (var s = 0u; s < d.S; s++) {
      let q = outputAt(w + d.PAD_LEFT, s * d.DILATION_X, d.STRIDE_X);
      if (q >= d.Q) { continue; }
      sum += load_dY(n, b, p, q) * load_weight(b, r, s);
    }
  }
  storeGradient(n, b, h, w, sum);
}
