struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, UNIT_COLUMNS: u32,
  PIXELS: u32, X_BLOCK: u32, X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [OUT, IN, R, S, 4]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, O/4, P, Q]
@group(0) @binding(4) var<storage, read> bias: array<vec4f>; // [O/4]
@group(0) @binding(5) var<storage, read_write> bits: array<u32>; // [N, O/4, P, Q/8]

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn index_weight(out: u32, in: u32, r: u32, s: u32, lane: u32) -> u32 {
  return (((out * d.IN + in) * d.R + r) * d.S + s) * 4u + lane;
}

fn load_weight_at(i: u32) -> vec4f {
  return weight[i];
}

fn index_y(n: u32, b: u32, p: u32, q: u32) -> u32 {
  return ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.P + p) * d.Q + q;
}

fn store_y_at(i: u32, value: vec4f) {
  y[i] = value;
}

fn store_bits(n: u32, b: u32, p: u32, strip: u32, value: u32) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.P + p) * ((d.Q + 7u) / 8u) + strip;
  bits[i] = value;
}

fn rectify(v: vec4f) -> vec4f {
  return select(v, vec4f(), (v <= vec4f()) & (bitcast<vec4u>(v) != vec4u(0xff800000u)));
}
fn signs(v: vec4f) -> u32 {
  return dot(vec4u(v > vec4f()), vec4u(1u, 2u, 4u, 8u));
}

fn finish(n: u32, o: u32, p: u32, q: u32, sums: ptr<function, array<vec4f, 8>>) {
  let offset = bias[o];
  var word = 0u;
  let line = index_y(n, o, p, q);
  let count = min(d.PIXELS, d.Q - q);
  for (var j = 0u; j < count; j++) {
    var value = sums[j] + offset;
    value = rectify(value);
    store_y_at(line + j, value);
    word |= signs(value) << (4u * j);
  }
  store_bits(n, o, p, q / 8u, word);
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
        let tap0 = index_weight(o + 0u, c, r, s, 0u);
        let k0 = mat4x4f(load_weight_at(tap0 + 0u), load_weight_at(tap0 + 1u), load_weight_at(tap0 + 2u), load_weight_at(tap0 + 3u));
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
