struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, UNIT_COLUMNS: u32,
  PIXELS: u32, X_BLOCK: u32, X_BLOCKS: u32, DX_BLOCK: u32, DX_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [IN, OUT, R, S, 4]
@group(0) @binding(3) var<storage, read_write> dX: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(4) var<storage, read> bits: array<u32>; // [N, C/4, P, Q/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(5) var<uniform> rule: Rule;

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn index_weight(in: u32, out: u32, r: u32, s: u32, lane: u32) -> u32 {
  return (((in * d.OUT + out) * d.R + r) * d.S + s) * 4u + lane;
}

fn load_weight_at(i: u32) -> vec4f {
  return weight[i];
}

fn index_dX(n: u32, b: u32, p: u32, q: u32) -> u32 {
  return ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.P + p) * d.Q + q;
}

fn load_bits(n: u32, b: u32, p: u32, strip: u32) -> u32 {
  let i = ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.P + p) * ((d.Q + 7u) / 8u) + strip;
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

fn finish(n: u32, o: u32, p: u32, q: u32, sums: ptr<function, array<vec4f, 8>>) {
  let count = min(d.PIXELS, d.Q - q);
  for (var j = 0u; j < count; j++) { storeGradient(n, o, p, q + j, sums[j]); }
}

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = id.z;
  let o = id.y * 1u;
  let unit = id.x;
  let p = unit / d.UNIT_COLUMNS * 1u;
  let q = unit % d.UNIT_COLUMNS * 8u;
  let group = o / d.OUT;
  let input = index_x(n, group * d.IN, 0u, 0u);
  var a0_0_0 = vec4f();
  var a0_0_1 = vec4f();
  var a0_0_2 = vec4f();
  var a0_0_3 = vec4f();
  var a0_0_4 = vec4f();
  var a0_0_5 = vec4f();
  var a0_0_6 = vec4f();
  var a0_0_7 = vec4f();

  for (var c = 0u; c < d.IN; c++) {
    let plane = input + c * d.H * d.W;

    for (var r = 0u; r < d.R; r++) {
      let h0 = (p + 0u) * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
      let line0 = plane + min(h0, d.H - 1u) * d.W;
      var x0_0 = vec4f();
      var x0_1 = vec4f();
      var x0_2 = vec4f();
      var x0_3 = vec4f();
      var x0_4 = vec4f();
      var x0_5 = vec4f();
      var x0_6 = vec4f();
      var x0_7 = vec4f();
      {
        let w = q + 0u - d.PAD_LEFT;
        if (h0 < d.H && w < d.W) { x0_1 = load_x_at(line0 + w); }
      }
      {
        let w = q + 1u - d.PAD_LEFT;
        if (h0 < d.H && w < d.W) { x0_2 = load_x_at(line0 + w); }
      }
      {
        let w = q + 2u - d.PAD_LEFT;
        if (h0 < d.H && w < d.W) { x0_3 = load_x_at(line0 + w); }
      }
      {
        let w = q + 3u - d.PAD_LEFT;
        if (h0 < d.H && w < d.W) { x0_4 = load_x_at(line0 + w); }
      }
      {
        let w = q + 4u - d.PAD_LEFT;
        if (h0 < d.H && w < d.W) { x0_5 = load_x_at(line0 + w); }
      }
      {
        let w = q + 5u - d.PAD_LEFT;
        if (h0 < d.H && w < d.W) { x0_6 = load_x_at(line0 + w); }
      }
      {
        let w = q + 6u - d.PAD_LEFT;
        if (h0 < d.H && w < d.W) { x0_7 = load_x_at(line0 + w); }
      }
      for (var s = 0u; s < d.S; s++) {
        let w = q + 7u + s - d.PAD_LEFT;
        x0_0 = x0_1;
        x0_1 = x0_2;
        x0_2 = x0_3;
        x0_3 = x0_4;
        x0_4 = x0_5;
        x0_5 = x0_6;
        x0_6 = x0_7;
        x0_7 = select(vec4f(), load_x_at(line0 + min(w, d.W - 1u)), h0 < d.H && w < d.W);
        let tap0 = index_weight(group * d.IN + c, o % d.OUT + 0u, d.R - 1u - r, d.S - 1u - s, 0u);
        let k0 = transpose(mat4x4f(load_weight_at(tap0 + 0u), load_weight_at(tap0 + 1u), load_weight_at(tap0 + 2u), load_weight_at(tap0 + 3u)));
        a0_0_0 += k0 * x0_0;
        a0_0_1 += k0 * x0_1;
        a0_0_2 += k0 * x0_2;
        a0_0_3 += k0 * x0_3;
        a0_0_4 += k0 * x0_4;
        a0_0_5 += k0 * x0_5;
        a0_0_6 += k0 * x0_6;
        a0_0_7 += k0 * x0_7;
      }
    }
  }

  if (p < d.P) {
    var sums0 = array<vec4f, 8>(a0_0_0, a0_0_1, a0_0_2, a0_0_3, a0_0_4, a0_0_5, a0_0_6, a0_0_7);
    finish(n, o + 0u, p, q, &sums0);
  }
}
