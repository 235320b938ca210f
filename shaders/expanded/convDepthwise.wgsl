struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, UNIT_ROWS: u32,
  UNIT_COLUMNS: u32, PIXELS: u32, X_BLOCK: u32, X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [C/4, R, S]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, O/4, P, Q]
@group(0) @binding(4) var<storage, read> bias: array<vec4f>; // [O/4]
@group(0) @binding(5) var<storage, read_write> bits: array<u32>; // [N, O/4, P, Q/8]

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn index_weight(b: u32, r: u32, s: u32) -> u32 {
  return (b * d.R + r) * d.S + s;
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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.UNIT_ROWS * d.UNIT_COLUMNS) { return; }
  let n = id.z;
  let b = id.y;
  let unitRow = id.x / d.UNIT_COLUMNS;
  let unit = id.x % d.UNIT_COLUMNS;

  let p = unitRow * 1u;
  let q = unit * 8u;
  let plane = index_x(n, b, 0u, 0u);
  var a0_0 = vec4f();
  var a0_1 = vec4f();
  var a0_2 = vec4f();
  var a0_3 = vec4f();
  var a0_4 = vec4f();
  var a0_5 = vec4f();
  var a0_6 = vec4f();
  var a0_7 = vec4f();

  for (var r = 0u; r < d.R; r++) {
    let tap = index_weight(b, r, 0u);
    let h0 = (p + 0u) * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
    let line0 = plane + min(h0, d.H - 1u) * d.W;
    let w = q - d.PAD_LEFT;
    let x0_0 = select(vec4f(), load_x_at(line0 + min((w + 0u), d.W - 1u)), h0 < d.H && (w + 0u) < d.W);
    let x0_1 = select(vec4f(), load_x_at(line0 + min((w + 1u), d.W - 1u)), h0 < d.H && (w + 1u) < d.W);
    let x0_2 = select(vec4f(), load_x_at(line0 + min((w + 2u), d.W - 1u)), h0 < d.H && (w + 2u) < d.W);
    let x0_3 = select(vec4f(), load_x_at(line0 + min((w + 3u), d.W - 1u)), h0 < d.H && (w + 3u) < d.W);
    let x0_4 = select(vec4f(), load_x_at(line0 + min((w + 4u), d.W - 1u)), h0 < d.H && (w + 4u) < d.W);
    let x0_5 = select(vec4f(), load_x_at(line0 + min((w + 5u), d.W - 1u)), h0 < d.H && (w + 5u) < d.W);
    let x0_6 = select(vec4f(), load_x_at(line0 + min((w + 6u), d.W - 1u)), h0 < d.H && (w + 6u) < d.W);
    let x0_7 = select(vec4f(), load_x_at(line0 + min((w + 7u), d.W - 1u)), h0 < d.H && (w + 7u) < d.W);
    let x0_8 = select(vec4f(), load_x_at(line0 + min((w + 8u), d.W - 1u)), h0 < d.H && (w + 8u) < d.W);
    let x0_9 = select(vec4f(), load_x_at(line0 + min((w + 9u), d.W - 1u)), h0 < d.H && (w + 9u) < d.W);
    let k0 = load_weight_at(tap + 0u);
    a0_0 += x0_0 * k0;
    a0_1 += x0_1 * k0;
    a0_2 += x0_2 * k0;
    a0_3 += x0_3 * k0;
    a0_4 += x0_4 * k0;
    a0_5 += x0_5 * k0;
    a0_6 += x0_6 * k0;
    a0_7 += x0_7 * k0;
    let k1 = load_weight_at(tap + 1u);
    a0_0 += x0_1 * k1;
    a0_1 += x0_2 * k1;
    a0_2 += x0_3 * k1;
    a0_3 += x0_4 * k1;
    a0_4 += x0_5 * k1;
    a0_5 += x0_6 * k1;
    a0_6 += x0_7 * k1;
    a0_7 += x0_8 * k1;
    let k2 = load_weight_at(tap + 2u);
    a0_0 += x0_2 * k2;
    a0_1 += x0_3 * k2;
    a0_2 += x0_4 * k2;
    a0_3 += x0_5 * k2;
    a0_4 += x0_6 * k2;
    a0_5 += x0_7 * k2;
    a0_6 += x0_8 * k2;
    a0_7 += x0_9 * k2;
  }

  var sums = array<vec4f, 8>(a0_0, a0_1, a0_2, a0_3, a0_4, a0_5, a0_6, a0_7);
  finish(n, b, p, q, &sums);
}
