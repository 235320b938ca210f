struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, RUNS: u32, DX_BLOCK: u32,
  DX_BLOCKS: u32, DY_BLOCK: u32, DY_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, O/4, P, Q]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [IN, OUT, R, S, 4]
@group(0) @binding(3) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(4) var<storage, read> bits: array<u32>; // [N, C/4, H, W/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(5) var<uniform> rule: Rule;

fn index_dY(n: u32, b: u32, p: u32, q: u32) -> u32 {
  return ((n * d.DY_BLOCKS + d.DY_BLOCK + b) * d.P + p) * d.Q + q;
}

fn index_weight(in: u32, out: u32, r: u32, s: u32, lane: u32) -> u32 {
  return (((in * d.OUT + out) * d.R + r) * d.S + s) * 4u + lane;
}

fn load_weight_at(i: u32) -> vec4f {
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

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.RUNS) { return; }
  let n = id.z;
  let c = id.y;
  let h = id.x / d.RUNS;
  let run = id.x % d.RUNS;
  let w = run / d.STRIDE_X * d.STRIDE_X * 8u + run % d.STRIDE_X;
  let plane = d.P * d.Q;
  let first = index_dY(n, c / d.IN * d.OUT, 0u, 0u);
  var a0 = vec4f();
  var a1 = vec4f();
  var a2 = vec4f();
  var a3 = vec4f();
  var a4 = vec4f();
  var a5 = vec4f();
  var a6 = vec4f();
  var a7 = vec4f();

  for (var r = 0u; r < d.R; r++) {
    let p = outputAt(h + d.PAD_TOP, r * d.DILATION_Y, d.STRIDE_Y);
    if (p >= d.P) { continue; }
    for (var s = 0u; s < d.S; s++) {
      let q = outputAt(w + d.PAD_LEFT, s * d.DILATION_X, d.STRIDE_X);
      if (q == 0x80000000u) { continue; }
      for (var o = 0u; o < d.OUT; o++) {
        let line = first + o * plane + p * d.Q;
        let tap = index_weight(c, o, r, s, 0u);
        let k0 = load_weight_at(tap);
        let k1 = load_weight_at(tap + 1u);
        let k2 = load_weight_at(tap + 2u);
        let k3 = load_weight_at(tap + 3u);
        let q0 = q + 0u;
        let x0 = select(vec4f(), dY[line + min(q0, d.Q - 1u)], q0 < d.Q);
        a0 += x0.x * k0 + x0.y * k1 + x0.z * k2 + x0.w * k3;
        let q1 = q + 1u;
        let x1 = select(vec4f(), dY[line + min(q1, d.Q - 1u)], q1 < d.Q);
        a1 += x1.x * k0 + x1.y * k1 + x1.z * k2 + x1.w * k3;
        let q2 = q + 2u;
        let x2 = select(vec4f(), dY[line + min(q2, d.Q - 1u)], q2 < d.Q);
        a2 += x2.x * k0 + x2.y * k1 + x2.z * k2 + x2.w * k3;
        let q3 = q + 3u;
        let x3 = select(vec4f(), dY[line + min(q3, d.Q - 1u)], q3 < d.Q);
        a3 += x3.x * k0 + x3.y * k1 + x3.z * k2 + x3.w * k3;
        let q4 = q + 4u;
        let x4 = select(vec4f(), dY[line + min(q4, d.Q - 1u)], q4 < d.Q);
        a4 += x4.x * k0 + x4.y * k1 + x4.z * k2 + x4.w * k3;
        let q5 = q + 5u;
        let x5 = select(vec4f(), dY[line + min(q5, d.Q - 1u)], q5 < d.Q);
        a5 += x5.x * k0 + x5.y * k1 + x5.z * k2 + x5.w * k3;
        let q6 = q + 6u;
        let x6 = select(vec4f(), dY[line + min(q6, d.Q - 1u)], q6 < d.Q);
        a6 += x6.x * k0 + x6.y * k1 + x6.z * k2 + x6.w * k3;
        let q7 = q + 7u;
        let x7 = select(vec4f(), dY[line + min(q7, d.Q - 1u)], q7 < d.Q);
        a7 += x7.x * k0 + x7.y * k1 + x7.z * k2 + x7.w * k3;
      }
    }
  }

  let w0 = w + 0u * d.STRIDE_X;
  if (w0 < d.W) { storeGradient(n, c, h, w0, a0); }
  let w1 = w + 1u * d.STRIDE_X;
  if (w1 < d.W) { storeGradient(n, c, h, w1, a1); }
  let w2 = w + 2u * d.STRIDE_X;
  if (w2 < d.W) { storeGradient(n, c, h, w2, a2); }
  let w3 = w + 3u * d.STRIDE_X;
  if (w3 < d.W) { storeGradient(n, c, h, w3, a3); }
  let w4 = w + 4u * d.STRIDE_X;
  if (w4 < d.W) { storeGradient(n, c, h, w4, a4); }
  let w5 = w + 5u * d.STRIDE_X;
  if (w5 < d.W) { storeGradient(n, c, h, w5, a5); }
  let w6 = w + 6u * d.STRIDE_X;
  if (w6 < d.W) { storeGradient(n, c, h, w6, a6); }
  let w7 = w + 7u * d.STRIDE_X;
  if (w7 < d.W) { storeGradient(n, c, h, w7, a7); }
}
