struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, TILE_ROWS: u32,
  TILE_COLUMNS: u32, TILES: u32, UNIT_COLUMNS: u32, OUTPUTS: u32, PIXELS: u32, DX_BLOCK: u32,
  DX_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> products: array<vec4f>; // [16, O/4, N, TILE_ROWS, TILE_COLUMNS]
@group(0) @binding(2) var<storage, read_write> dX: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(3) var<storage, read> bits: array<u32>; // [N, C/4, P, Q/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(4) var<uniform> rule: Rule;

fn index_products(lane: u32, b: u32, n: u32, row: u32, column: u32) -> u32 {
  return (((lane * d.OUTPUTS + b) * d.N + n) * d.TILE_ROWS + row) * d.TILE_COLUMNS + column;
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
    let u0_0 = products[at + (4u * 3u + 3u) * apart];
    let u0_1 = products[at + (4u * 3u + 1u) * apart];
    let u0_2 = products[at + (4u * 3u + 2u) * apart];
    let u0_3 = products[at + (4u * 3u + 0u) * apart];
    let u1_0 = products[at + (4u * 1u + 3u) * apart];
    let u1_1 = products[at + (4u * 1u + 1u) * apart];
    let u1_2 = products[at + (4u * 1u + 2u) * apart];
    let u1_3 = products[at + (4u * 1u + 0u) * apart];
    let u2_0 = products[at + (4u * 2u + 3u) * apart];
    let u2_1 = products[at + (4u * 2u + 1u) * apart];
    let u2_2 = products[at + (4u * 2u + 2u) * apart];
    let u2_3 = products[at + (4u * 2u + 0u) * apart];
    let u3_0 = products[at + (4u * 0u + 3u) * apart];
    let u3_1 = products[at + (4u * 0u + 1u) * apart];
    let u3_2 = products[at + (4u * 0u + 2u) * apart];
    let u3_3 = products[at + (4u * 0u + 0u) * apart];
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
