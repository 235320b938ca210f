struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, UNIT_ROWS: u32,
  UNIT_COLUMNS: u32, UNITS: u32, OUT_TILES: u32, STEPS: u32, SPAN: u32, PIXELS: u32, X_BLOCK: u32,
  X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [GROUPS, OUT_TILES, STEPS, 8]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, O/4, P, Q]
@group(0) @binding(4) var<storage, read> bias: array<vec4f>; // [O/4]
@group(0) @binding(5) var<storage, read_write> bits: array<u32>; // [N, O/4, P, Q/8]

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn index_weight(group: u32, tile: u32, step: u32, lane: u32) -> u32 {
  return ((group * d.OUT_TILES + tile) * d.STEPS + step) * 8u + lane;
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

fn unitAt(unit: u32) -> vec3u {
  let perItem = d.UNIT_ROWS * d.UNIT_COLUMNS;
  let rest = unit % perItem;
  return vec3u(unit / perItem, rest / d.UNIT_COLUMNS * 1u, rest % d.UNIT_COLUMNS * 8u);
}

var<workgroup> inputs: array<vec4f, 40>; // [depth, 8, units and one unused]
var<workgroup> filters: array<vec4f, 8>; // [depth, 4, blocks]

@compute @workgroup_size(4, 2)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) own: vec3u, @builtin(local_invocation_index) me: u32) {
  let g = group.z % d.GROUPS;
  let span = group.z / d.GROUPS;
  let plane = d.H * d.W;

  let pixel0 = 0u * 8u + me % 8u;
  let unit0 = group.x * 4u + pixel0 / 8u;
  let begin0 = unitAt(unit0);
  let top0 = (begin0.y + pixel0 % 8u / 8u) * d.STRIDE_Y - d.PAD_TOP;
  let left0 = (begin0.z + pixel0 % 8u) * d.STRIDE_X - d.PAD_LEFT;
  let input0 = index_x(begin0.x, g * d.IN, 0u, 0u);
  let slot0 = (me / 32u * 8u + pixel0 % 8u) * 5u + pixel0 / 8u;
  let pixel1 = 1u * 8u + me % 8u;
  let unit1 = group.x * 4u + pixel1 / 8u;
  let begin1 = unitAt(unit1);
  let top1 = (begin1.y + pixel1 % 8u / 8u) * d.STRIDE_Y - d.PAD_TOP;
  let left1 = (begin1.z + pixel1 % 8u) * d.STRIDE_X - d.PAD_LEFT;
  let input1 = index_x(begin1.x, g * d.IN, 0u, 0u);
  let slot1 = (me / 32u * 8u + pixel1 % 8u) * 5u + pixel1 / 8u;
  let pixel2 = 2u * 8u + me % 8u;
  let unit2 = group.x * 4u + pixel2 / 8u;
  let begin2 = unitAt(unit2);
  let top2 = (begin2.y + pixel2 % 8u / 8u) * d.STRIDE_Y - d.PAD_TOP;
  let left2 = (begin2.z + pixel2 % 8u) * d.STRIDE_X - d.PAD_LEFT;
  let input2 = index_x(begin2.x, g * d.IN, 0u, 0u);
  let slot2 = (me / 32u * 8u + pixel2 % 8u) * 5u + pixel2 / 8u;
  let pixel3 = 3u * 8u + me % 8u;
  let unit3 = group.x * 4u + pixel3 / 8u;
  let begin3 = unitAt(unit3);
  let top3 = (begin3.y + pixel3 % 8u / 8u) * d.STRIDE_Y - d.PAD_TOP;
  let left3 = (begin3.z + pixel3 % 8u) * d.STRIDE_X - d.PAD_LEFT;
  let input3 = index_x(begin3.x, g * d.IN, 0u, 0u);
  let slot3 = (me / 32u * 8u + pixel3 % 8u) * 5u + pixel3 / 8u;
  var v0_0 = vec4f();
  var v1_0 = vec4f();
  var v2_0 = vec4f();
  var v3_0 = vec4f();
  var k0 = vec4f();

  var a0_0 = vec4f();
  var a0_1 = vec4f();
  var a0_2 = vec4f();
  var a0_3 = vec4f();
  var a0_4 = vec4f();
  var a0_5 = vec4f();
  var a0_6 = vec4f();
  var a0_7 = vec4f();

  let begin = min(span * d.SPAN, d.STEPS);
  let end = min(begin + d.SPAN, d.STEPS);
  let taps = d.R * d.S;
  var c = begin / max(taps, 1u) * 1u;
  var r = begin % max(taps, 1u) / max(d.S, 1u);
  var s = begin % max(d.S, 1u);
  var weights = index_weight(g, group.y, begin, me);
  for (var step = begin; step <= end; step++) {
    if (step < end) {
      let block = c + me / 32u;
      let h0 = top0 + r * d.DILATION_Y;
      let w0 = left0 + s * d.DILATION_X;
      let inside0 = h0 < d.H && w0 < d.W && unit0 < d.UNITS;
      let from0 = input0 + block * plane + h0 * d.W + w0;
      let h1 = top1 + r * d.DILATION_Y;
      let w1 = left1 + s * d.DILATION_X;
      let inside1 = h1 < d.H && w1 < d.W && unit1 < d.UNITS;
      let from1 = input1 + block * plane + h1 * d.W + w1;
      let h2 = top2 + r * d.DILATION_Y;
      let w2 = left2 + s * d.DILATION_X;
      let inside2 = h2 < d.H && w2 < d.W && unit2 < d.UNITS;
      let from2 = input2 + block * plane + h2 * d.W + w2;
      let h3 = top3 + r * d.DILATION_Y;
      let w3 = left3 + s * d.DILATION_X;
      let inside3 = h3 < d.H && w3 < d.W && unit3 < d.UNITS;
      let from3 = input3 + block * plane + h3 * d.W + w3;
      v0_0 = vec4f();
      if (inside0 && block + 0u * 1u < d.IN) {
        v0_0 = load_x_at(from0 + 0u * 1u * plane);
      }
      v1_0 = vec4f();
      if (inside1 && block + 0u * 1u < d.IN) {
        v1_0 = load_x_at(from1 + 0u * 1u * plane);
      }
      v2_0 = vec4f();
      if (inside2 && block + 0u * 1u < d.IN) {
        v2_0 = load_x_at(from2 + 0u * 1u * plane);
      }
      v3_0 = vec4f();
      if (inside3 && block + 0u * 1u < d.IN) {
        v3_0 = load_x_at(from3 + 0u * 1u * plane);
      }
      k0 = load_weight_at(weights + 0u * 8u);
      weights += 8u;
      s++;
      if (s == d.S) {
        s = 0u;
        r++;
      }
      if (r == d.R) {
        r = 0u;
        c += 1u;
      }
    }
    if (step > begin) {
      {
        let x0 = inputs[own.x + 0u];
        let x1 = inputs[own.x + 5u];
        let x2 = inputs[own.x + 10u];
        let x3 = inputs[own.x + 15u];
        let x4 = inputs[own.x + 20u];
        let x5 = inputs[own.x + 25u];
        let x6 = inputs[own.x + 30u];
        let x7 = inputs[own.x + 35u];
        {
          let w0 = filters[own.y + 0u + 0u * 2u];
          a0_0 += x0.x * w0;
          a0_1 += x1.x * w0;
          a0_2 += x2.x * w0;
          a0_3 += x3.x * w0;
          a0_4 += x4.x * w0;
          a0_5 += x5.x * w0;
          a0_6 += x6.x * w0;
          a0_7 += x7.x * w0;
        }
        {
          let w0 = filters[own.y + 2u + 0u * 2u];
          a0_0 += x0.y * w0;
          a0_1 += x1.y * w0;
          a0_2 += x2.y * w0;
          a0_3 += x3.y * w0;
          a0_4 += x4.y * w0;
          a0_5 += x5.y * w0;
          a0_6 += x6.y * w0;
          a0_7 += x7.y * w0;
        }
        {
          let w0 = filters[own.y + 4u + 0u * 2u];
          a0_0 += x0.z * w0;
          a0_1 += x1.z * w0;
          a0_2 += x2.z * w0;
          a0_3 += x3.z * w0;
          a0_4 += x4.z * w0;
          a0_5 += x5.z * w0;
          a0_6 += x6.z * w0;
          a0_7 += x7.z * w0;
        }
        {
          let w0 = filters[own.y + 6u + 0u * 2u];
          a0_0 += x0.w * w0;
          a0_1 += x1.w * w0;
          a0_2 += x2.w * w0;
          a0_3 += x3.w * w0;
          a0_4 += x4.w * w0;
          a0_5 += x5.w * w0;
          a0_6 += x6.w * w0;
          a0_7 += x7.w * w0;
        }
      }
    }
    workgroupBarrier();
    inputs[slot0 + 0u * 40u] = v0_0;
    inputs[slot1 + 0u * 40u] = v1_0;
    inputs[slot2 + 0u * 40u] = v2_0;
    inputs[slot3 + 0u * 40u] = v3_0;
    filters[me + 0u * 8u] = k0;
    workgroupBarrier();
  }

  let unit = group.x * 4u + own.x;
  if (unit >= d.UNITS) { return; }
  let first = unitAt(unit);
  let o0 = group.y * 2u + own.y + 0u * 2u;
  if (o0 < d.OUT) {
    var sums = array<vec4f, 8>(a0_0, a0_1, a0_2, a0_3, a0_4, a0_5, a0_6, a0_7);
    finish(first.x, g * d.OUT + o0, first.y, first.z, &sums);
  }
}
