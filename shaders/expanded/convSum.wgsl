struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, UNIT_ROWS: u32,
  UNIT_COLUMNS: u32, UNITS: u32, OUTPUTS: u32, SPANS: u32, PIXELS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>; // [SPANS, O/4, 8, UNITS]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, O/4, P, Q]
@group(0) @binding(3) var<storage, read> bias: array<vec4f>; // [O/4]
@group(0) @binding(4) var<storage, read_write> bits: array<u32>; // [N, O/4, P, Q/8]

fn index_partial(span: u32, b: u32, lane: u32, unit: u32) -> u32 {
  return ((span * d.OUTPUTS + b) * 8u + lane) * d.UNITS + unit;
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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.UNITS) { return; }
  let o = id.y;
  let unit = id.x;

  var a0 = vec4f();
  var a1 = vec4f();
  var a2 = vec4f();
  var a3 = vec4f();
  var a4 = vec4f();
  var a5 = vec4f();
  var a6 = vec4f();
  var a7 = vec4f();
  let apart = d.OUTPUTS * 8u * d.UNITS;
  var begin = index_partial(0u, o, 0u, unit);
  var span = 0u;
  // four at a time, so that their loads need not wait for one another
  for (; span + 4u <= d.SPANS; span += 4u) {
    let at0 = begin + 0u * d.UNITS;
    a0 += (partial[at0] + partial[at0 + apart]) + (partial[at0 + 2u * apart] + partial[at0 + 3u * apart]);
    let at1 = begin + 1u * d.UNITS;
    a1 += (partial[at1] + partial[at1 + apart]) + (partial[at1 + 2u * apart] + partial[at1 + 3u * apart]);
    let at2 = begin + 2u * d.UNITS;
    a2 += (partial[at2] + partial[at2 + apart]) + (partial[at2 + 2u * apart] + partial[at2 + 3u * apart]);
    let at3 = begin + 3u * d.UNITS;
    a3 += (partial[at3] + partial[at3 + apart]) + (partial[at3 + 2u * apart] + partial[at3 + 3u * apart]);
    let at4 = begin + 4u * d.UNITS;
    a4 += (partial[at4] + partial[at4 + apart]) + (partial[at4 + 2u * apart] + partial[at4 + 3u * apart]);
    let at5 = begin + 5u * d.UNITS;
    a5 += (partial[at5] + partial[at5 + apart]) + (partial[at5 + 2u * apart] + partial[at5 + 3u * apart]);
    let at6 = begin + 6u * d.UNITS;
    a6 += (partial[at6] + partial[at6 + apart]) + (partial[at6 + 2u * apart] + partial[at6 + 3u * apart]);
    let at7 = begin + 7u * d.UNITS;
    a7 += (partial[at7] + partial[at7 + apart]) + (partial[at7 + 2u * apart] + partial[at7 + 3u * apart]);
    begin += 4u * apart;
  }
  for (; span < d.SPANS; span++) {
    a0 += partial[begin + 0u * d.UNITS];
    a1 += partial[begin + 1u * d.UNITS];
    a2 += partial[begin + 2u * d.UNITS];
    a3 += partial[begin + 3u * d.UNITS];
    a4 += partial[begin + 4u * d.UNITS];
    a5 += partial[begin + 5u * d.UNITS];
    a6 += partial[begin + 6u * d.UNITS];
    a7 += partial[begin + 7u * d.UNITS];
    begin += apart;
  }
  let first = unitAt(unit);
  var sums = array<vec4f, 8>(a0, a1, a2, a3, a4, a5, a6, a7);
  finish(first.x, o, first.y, first.z, &sums);
}
