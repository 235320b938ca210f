enable subgroups;
struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, UNIT_COLUMNS: u32,
  UNITS: u32, ALL_UNITS: u32, PIXELS: u32, X_BLOCK: u32, X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
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

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let n = id.x % d.ALL_UNITS / d.UNITS;
  let o = id.x / d.ALL_UNITS * 1u;
  let unit = id.x % d.ALL_UNITS % d.UNITS;
  let p = unit / d.UNIT_COLUMNS * 1u;
  let q = unit % d.UNIT_COLUMNS * 4u;
  let group = o / d.OUT;
  let input = index_x(n, group * d.IN, 0u, 0u);
  var a0_0_0 = vec4f();
  var a0_0_1 = vec4f();
  var a0_0_2 = vec4f();
  var a0_0_3 = vec4f();

  for (var c = 0u; c < d.IN; c++) {
    let plane = input + c * d.H * d.W;

    for (var r = 0u; r < d.R; r++) {
      let h0 = (p + 0u) * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
      let line0 = plane + min(h0, d.H - 1u) * d.W;
      let x0_0 = select(vec4f(), load_x_at(line0 + min((q + 0u - d.PAD_LEFT), d.W - 1u)), h0 < d.H && (q + 0u - d.PAD_LEFT) < d.W);
      let x0_1 = select(vec4f(), load_x_at(line0 + min((q + 1u - d.PAD_LEFT), d.W - 1u)), h0 < d.H && (q + 1u - d.PAD_LEFT) < d.W);
      let x0_2 = select(vec4f(), load_x_at(line0 + min((q + 2u - d.PAD_LEFT), d.W - 1u)), h0 < d.H && (q + 2u - d.PAD_LEFT) < d.W);
      let x0_3 = select(vec4f(), load_x_at(line0 + min((q + 3u - d.PAD_LEFT), d.W - 1u)), h0 < d.H && (q + 3u - d.PAD_LEFT) < d.W);
      let x0_4 = select(vec4f(), load_x_at(line0 + min((q + 4u - d.PAD_LEFT), d.W - 1u)), h0 < d.H && (q + 4u - d.PAD_LEFT) < d.W);
      let x0_5 = select(vec4f(), load_x_at(line0 + min((q + 5u - d.PAD_LEFT), d.W - 1u)), h0 < d.H && (q + 5u - d.PAD_LEFT) < d.W);
      {
        let quarter0 = load_weight_at(index_weight(o + 0u, c, r, 0u, 0u) + (lane & 3u));
        let k0 = mat4x4f(quadBroadcast(quarter0, 0u), quadBroadcast(quarter0, 1u), quadBroadcast(quarter0, 2u), quadBroadcast(quarter0, 3u));
        a0_0_0 += k0 * x0_0;
        a0_0_1 += k0 * x0_1;
        a0_0_2 += k0 * x0_2;
        a0_0_3 += k0 * x0_3;
      }
      {
        let quarter0 = load_weight_at(index_weight(o + 0u, c, r, 1u, 0u) + (lane & 3u));
        let k0 = mat4x4f(quadBroadcast(quarter0, 0u), quadBroadcast(quarter0, 1u), quadBroadcast(quarter0, 2u), quadBroadcast(quarter0, 3u));
        a0_0_0 += k0 * x0_1;
        a0_0_1 += k0 * x0_2;
        a0_0_2 += k0 * x0_3;
        a0_0_3 += k0 * x0_4;
      }
      {
        let quarter0 = load_weight_at(index_weight(o + 0u, c, r, 2u, 0u) + (lane & 3u));
        let k0 = mat4x4f(quadBroadcast(quarter0, 0u), quadBroadcast(quarter0, 1u), quadBroadcast(quarter0, 2u), quadBroadcast(quarter0, 3u));
        a0_0_0 += k0 * x0_2;
        a0_0_1 += k0 * x0_3;
        a0_0_2 += k0 * x0_4;
        a0_0_3 += k0 * x0_5;
      }
    }
  }

  if (n < d.N && o < d.GROUPS * d.OUT) {
    var sums0 = array<vec4f, 8>(a0_0_0, a0_0_1, a0_0_2, a0_0_3, vec4f(), vec4f(), vec4f(), vec4f());
    finish(n, o + 0u, p, q, &sums0);
  }
}
