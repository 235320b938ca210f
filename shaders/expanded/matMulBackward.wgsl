struct Dims {
  N: u32, BLOCKS: u32, ROWS: u32, COLUMNS: u32, INNER: u32, SUMMED: u32, TILES_DOWN: u32, TILES_ACROSS: u32,
  LEFT_BLOCK: u32, LEFT_BLOCKS: u32, RIGHT_BLOCK: u32, RIGHT_BLOCKS: u32, DX_BLOCK: u32, DX_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> left: array<vec4f>; // [N, C/4, ROWS, INNER]
@group(0) @binding(2) var<storage, read> right: array<vec4f>; // [N, C/4, INNER, COLUMNS]
@group(0) @binding(3) var<storage, read_write> dX: array<vec4f>; // [N, C/4, ROWS, COLUMNS]
@group(0) @binding(4) var<storage, read> bits: array<u32>; // [N, C/4, ROWS, COLUMNS/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(5) var<uniform> rule: Rule;

fn load_left(n: u32, b: u32, row: u32, inner: u32) -> vec4f {
  let i = ((n * d.LEFT_BLOCKS + d.LEFT_BLOCK + b) * d.ROWS + row) * d.INNER + inner;
  return left[i];
}

fn load_right(n: u32, b: u32, inner: u32, column: u32) -> vec4f {
  let i = ((n * d.RIGHT_BLOCKS + d.RIGHT_BLOCK + b) * d.INNER + inner) * d.COLUMNS + column;
  return right[i];
}

fn index_dX(n: u32, b: u32, row: u32, column: u32) -> u32 {
  return ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.ROWS + row) * d.COLUMNS + column;
}

fn load_bits(n: u32, b: u32, row: u32, strip: u32) -> u32 {
  let i = ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.ROWS + row) * ((d.COLUMNS + 7u) / 8u) + strip;
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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.TILES_DOWN * d.TILES_ACROSS) { return; }
  let n = id.z;
  let b = id.y;
  let down = id.x / d.TILES_ACROSS;
  let across = id.x % d.TILES_ACROSS;

  let row = down * 4u;
  let column = across * 4u;
  // those past the end are computed again from the last one, and not stored
  let row0 = min(row + 0u, d.ROWS - 1u);
  let row1 = min(row + 1u, d.ROWS - 1u);
  let row2 = min(row + 2u, d.ROWS - 1u);
  let row3 = min(row + 3u, d.ROWS - 1u);
  let column0 = min(column + 0u, d.COLUMNS - 1u);
  let column1 = min(column + 1u, d.COLUMNS - 1u);
  let column2 = min(column + 2u, d.COLUMNS - 1u);
  let column3 = min(column + 3u, d.COLUMNS - 1u);
  var sum0_0 = vec4f();
  var sum0_1 = vec4f();
  var sum0_2 = vec4f();
  var sum0_3 = vec4f();
  var sum1_0 = vec4f();
  var sum1_1 = vec4f();
  var sum1_2 = vec4f();
  var sum1_3 = vec4f();
  var sum2_0 = vec4f();
  var sum2_1 = vec4f();
  var sum2_2 = vec4f();
  var sum2_3 = vec4f();
  var sum3_0 = vec4f();
  var sum3_1 = vec4f();
  var sum3_2 = vec4f();
  var sum3_3 = vec4f();
  for (var s = 0u; s < d.SUMMED; s++) {
    let at = b + s;
    for (var k = 0u; k < d.INNER; k++) {
      let l0 = load_left(n, at, row0, k);
      let l1 = load_left(n, at, row1, k);
      let l2 = load_left(n, at, row2, k);
      let l3 = load_left(n, at, row3, k);
      let r0 = load_right(n, at, k, column0);
      let r1 = load_right(n, at, k, column1);
      let r2 = load_right(n, at, k, column2);
      let r3 = load_right(n, at, k, column3);
      sum0_0 += l0 * r0;
      sum0_1 += l0 * r1;
      sum0_2 += l0 * r2;
      sum0_3 += l0 * r3;
      sum1_0 += l1 * r0;
      sum1_1 += l1 * r1;
      sum1_2 += l1 * r2;
      sum1_3 += l1 * r3;
      sum2_0 += l2 * r0;
      sum2_1 += l2 * r1;
      sum2_2 += l2 * r2;
      sum2_3 += l2 * r3;
      sum3_0 += l3 * r0;
      sum3_1 += l3 * r1;
      sum3_2 += l3 * r2;
      sum3_3 += l3 * r3;
    }
  }
  sum0_0 = vec4f(dot(sum0_0, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum0_1 = vec4f(dot(sum0_1, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum0_2 = vec4f(dot(sum0_2, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum0_3 = vec4f(dot(sum0_3, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum1_0 = vec4f(dot(sum1_0, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum1_1 = vec4f(dot(sum1_1, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum1_2 = vec4f(dot(sum1_2, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum1_3 = vec4f(dot(sum1_3, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum2_0 = vec4f(dot(sum2_0, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum2_1 = vec4f(dot(sum2_1, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum2_2 = vec4f(dot(sum2_2, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum2_3 = vec4f(dot(sum2_3, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum3_0 = vec4f(dot(sum3_0, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum3_1 = vec4f(dot(sum3_1, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum3_2 = vec4f(dot(sum3_2, vec4f(1.0)), 0.0, 0.0, 0.0);
  sum3_3 = vec4f(dot(sum3_3, vec4f(1.0)), 0.0, 0.0, 0.0);
  if (row + 0u < d.ROWS && column + 0u < d.COLUMNS) {
    storeGradient(n, b, row + 0u, column + 0u, sum0_0);
  }
  if (row + 0u < d.ROWS && column + 1u < d.COLUMNS) {
    storeGradient(n, b, row + 0u, column + 1u, sum0_1);
  }
  if (row + 0u < d.ROWS && column + 2u < d.COLUMNS) {
    storeGradient(n, b, row + 0u, column + 2u, sum0_2);
  }
  if (row + 0u < d.ROWS && column + 3u < d.COLUMNS) {
    storeGradient(n, b, row + 0u, column + 3u, sum0_3);
  }
  if (row + 1u < d.ROWS && column + 0u < d.COLUMNS) {
    storeGradient(n, b, row + 1u, column + 0u, sum1_0);
  }
  if (row + 1u < d.ROWS && column + 1u < d.COLUMNS) {
    storeGradient(n, b, row + 1u, column + 1u, sum1_1);
  }
  if (row + 1u < d.ROWS && column + 2u < d.COLUMNS) {
    storeGradient(n, b, row + 1u, column + 2u, sum1_2);
  }
  if (row + 1u < d.ROWS && column + 3u < d.COLUMNS) {
    storeGradient(n, b, row + 1u, column + 3u, sum1_3);
  }
  if (row + 2u < d.ROWS && column + 0u < d.COLUMNS) {
    storeGradient(n, b, row + 2u, column + 0u, sum2_0);
  }
  if (row + 2u < d.ROWS && column + 1u < d.COLUMNS) {
    storeGradient(n, b, row + 2u, column + 1u, sum2_1);
  }
  if (row + 2u < d.ROWS && column + 2u < d.COLUMNS) {
    storeGradient(n, b, row + 2u, column + 2u, sum2_2);
  }
  if (row + 2u < d.ROWS && column + 3u < d.COLUMNS) {
    storeGradient(n, b, row + 2u, column + 3u, sum2_3);
  }
  if (row + 3u < d.ROWS && column + 0u < d.COLUMNS) {
    storeGradient(n, b, row + 3u, column + 0u, sum3_0);
  }
  if (row + 3u < d.ROWS && column + 1u < d.COLUMNS) {
    storeGradient(n, b, row + 3u, column + 1u, sum3_1);
  }
  if (row + 3u < d.ROWS && column + 2u < d.COLUMNS) {
    storeGradient(n, b, row + 3u, column + 2u, sum3_2);
  }
  if (row + 3u < d.ROWS && column + 3u < d.COLUMNS) {
    storeGradient(n, b, row + 3u, column + 3u, sum3_3);
  }
}
