struct Dims {
  N: u32, C: u32, H: u32, W: u32, BLOCKS: u32, KEPT: u32, P: u32, Q: u32, RUN_B: u32, RUN_H: u32,
  RUN_W: u32, SIZE: u32, COUNT: u32, DX_BLOCK: u32, DX_BLOCKS: u32, DY_BLOCK: u32, DY_BLOCKS: u32,
  X_BLOCK: u32, X_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>; // [N, KEPT, P, Q, 2]
@group(0) @binding(4) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(5) var<storage, read> bits: array<u32>; // [N, C/4, H, W/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(6) var<uniform> rule: Rule;

fn load_dY(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.DY_BLOCKS + d.DY_BLOCK + b) * d.H + h) * d.W + w;
  return dY[i];
}

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn load_statistics(n: u32, kept: u32, p: u32, q: u32, lane: u32) -> vec4f {
  let i = (((n * d.KEPT + kept) * d.P + p) * d.Q + q) * 2u + lane;
  return statistics[i];
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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.P * d.Q) { return; }
  let n = id.z;
  let g = id.y;
  let p = id.x / d.Q;
  let q = id.x % d.Q;

  var atPeak = vec4f(-3.4028234663852886e+38);
  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    let isPeak = inside & (load_x(n, b, h, w) == load_statistics(n, g, p, q, 0u));
    atPeak = select(atPeak, max(atPeak, load_dY(n, b, h, w)), isPeak);
  }
  atPeak = max(atPeak, atPeak.yxwz);
  atPeak = max(atPeak, atPeak.zwxy);

  var sum = vec4f();
  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    let y = exp(load_x(n, b, h, w) - load_statistics(n, g, p, q, 0u)) / load_statistics(n, g, p, q, 1u);
    sum += select(vec4f(), (load_dY(n, b, h, w) - atPeak) * y, inside);
  }
  sum = sum + sum.yxwz;
  sum = sum + sum.zwxy;

  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    let y = exp(load_x(n, b, h, w) - load_statistics(n, g, p, q, 0u)) / load_statistics(n, g, p, q, 1u);
    let dy = load_dY(n, b, h, w);
    storeGradient(n, b, h, w, select(vec4f(), y * (dy - atPeak - sum), inside));
  }
}
