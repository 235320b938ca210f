struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, TILE_ROWS: u32,
  TILE_COLUMNS: u32, TILES: u32, UNIT_COLUMNS: u32, OUTPUTS: u32, PIXELS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> products: array<vec4f>; // [16, O/4, N, TILE_ROWS, TILE_COLUMNS]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, O/4, P, Q]
@group(0) @binding(3) var<storage, read> bias: array<vec4f>; // [O/4]
@group(0) @binding(4) var<storage, read_write> bits: array<u32>; // [N, O/4, P, Q/8]

fn index_products(lane: u32, b: u32, n: u32, row: u32, column: u32) -> u32 {
  return (((lane * d.OUTPUTS + b) * d.N + n) * d.TILE_ROWS + row) * d.TILE_COLUMNS + column;
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

var<workgroup> pixels: array<vec4f, 288>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let n = group.z;
  let o = group.y;
  let first = group.x * 16u;
  let own = first + me / 4u;
  let row = own / d.UNIT_COLUMNS;
  let column = own % d.UNIT_COLUMNS * 4u + me % 4u;
  if (row < d.TILE_ROWS && column < d.TILE_COLUMNS) {
    let at = index_products(0u, o, n, row, column);
    let apart = d.OUTPUTS * d.TILES;
    let u0_0 = products[at + (4u * 0u + 0u) * apart];
    let u0_1 = products[at + (4u * 0u + 1u) * apart];
    let u0_2 = products[at + (4u * 0u + 2u) * apart];
    let u0_3 = products[at + (4u * 0u + 3u) * apart];
    let u1_0 = products[at + (4u * 1u + 0u) * apart];
    let u1_1 = products[at + (4u * 1u + 1u) * apart];
    let u1_2 = products[at + (4u * 1u + 2u) * apart];
    let u1_3 = products[at + (4u * 1u + 3u) * apart];
    let u2_0 = products[at + (4u * 2u + 0u) * apart];
    let u2_1 = products[at + (4u * 2u + 1u) * apart];
    let u2_2 = products[at + (4u * 2u + 2u) * apart];
    let u2_3 = products[at + (4u * 2u + 3u) * apart];
    let u3_0 = products[at + (4u * 3u + 0u) * apart];
    let u3_1 = products[at + (4u * 3u + 1u) * apart];
    let u3_2 = products[at + (4u * 3u + 2u) * apart];
    let u3_3 = products[at + (4u * 3u + 3u) * apart];
    let t0_0 = u0_0 + u1_0 + u2_0;
    let t0_1 = u0_1 + u1_1 + u2_1;
    let t0_2 = u0_2 + u1_2 + u2_2;
    let t0_3 = u0_3 + u1_3 + u2_3;
    let t1_0 = u1_0 - u2_0 - u3_0;
    let t1_1 = u1_1 - u2_1 - u3_1;
    let t1_2 = u1_2 - u2_2 - u3_2;
    let t1_3 = u1_3 - u2_3 - u3_3;
    let v0_0 = t0_0 + t0_1 + t0_2;
    let v1_0 = t1_0 + t1_1 + t1_2;
    let v0_1 = t0_1 - t0_2 - t0_3;
    let v1_1 = t1_1 - t1_2 - t1_3;
    pixels[(me / 4u * 2u + 0u) * 9u + me % 4u * 2u + 0u] = v0_0;
    pixels[(me / 4u * 2u + 0u) * 9u + me % 4u * 2u + 1u] = v0_1;
    pixels[(me / 4u * 2u + 1u) * 9u + me % 4u * 2u + 0u] = v1_0;
    pixels[(me / 4u * 2u + 1u) * 9u + me % 4u * 2u + 1u] = v1_1;
  }
  workgroupBarrier();
  if (me >= 32u) { return; }
  var sums = array<vec4f, 8>(pixels[me * 9u + 0u], pixels[me * 9u + 1u], pixels[me * 9u + 2u], pixels[me * 9u + 3u], pixels[me * 9u + 4u], pixels[me * 9u + 5u], pixels[me * 9u + 6u], pixels[me * 9u + 7u]);
  let unit = first + me / 2u;
  let p = unit / d.UNIT_COLUMNS * 2u + me % 2u;
  if (p < d.P) { finish(n, o, p, unit % d.UNIT_COLUMNS * 8u, &sums); }
}
