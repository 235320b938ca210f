struct Dims {
  N: u32, H: u32, W: u32, IN: u32, OUT: u32, FIRST: u32, ROWS: u32, SPAN: u32, FIRST_SPAN: u32, SPANS: u32,
  ITEMS: u32, X_BLOCK: u32, X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [ROWS, 4, OUT]
@group(0) @binding(3) var<storage, read> bias: array<vec4f>; // [OUT]
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>; // [N, O/4]
@group(0) @binding(5) var<storage, read_write> bits: array<u32>; // [N, O/4]

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn index_weight(row: u32, lane: u32, out: u32) -> u32 {
  return (row * 4u + lane) * d.OUT + out;
}

fn load_weight_at(i: u32) -> vec4f {
  return weight[i];
}

fn store_y(n: u32, b: u32, value: vec4f) {
  let i = n * d.Y_BLOCKS + d.Y_BLOCK + b;
  y[i] = value;
}

fn store_bits(n: u32, b: u32, value: u32) {
  let i = n * d.Y_BLOCKS + d.Y_BLOCK + b;
  bits[i] = value;
}

fn rectify(v: vec4f) -> vec4f {
  return select(v, vec4f(), (v <= vec4f()) & (bitcast<vec4u>(v) != vec4u(0xff800000u)));
}
fn signs(v: vec4f) -> u32 {
  return dot(vec4u(v > vec4f()), vec4u(1u, 2u, 4u, 8u));
}
fn finish(n: u32, o: u32, sum: vec4f) {
  var value = sum + bias[o];
  value = rectify(value);
  store_bits(n, o, signs(value));
  store_y(n, o, value);
}
fn store(span: u32, n: u32, o: u32, sum: vec4f) {
  finish(n, o, sum);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let o = min(id.x, d.OUT - 1u);
  let begin = group.y * d.SPAN;
  let end = min(begin + d.SPAN, d.ROWS);
  let first = group.z * 2u;
  let at0 = index_x(min(first + 0u, d.N - 1u), 0u, 0u, 0u) + d.FIRST;
  let at1 = index_x(min(first + 1u, d.N - 1u), 0u, 0u, 0u) + d.FIRST;
  var sum0 = vec4f();
  var sum1 = vec4f();
  for (var i = begin; i < end; i++) {
    let v0 = load_x_at(at0 + i);
    let v1 = load_x_at(at1 + i);
    if (all((abs(v0) + abs(v1)) == vec4f())) { continue; }
    let row = index_weight(i, 0u, o);
    let rows = mat4x4f(load_weight_at(row), load_weight_at(row + d.OUT), load_weight_at(row + 2u * d.OUT), load_weight_at(row + 3u * d.OUT));
    sum0 += rows * v0;
    sum1 += rows * v1;
  }
  if (id.x >= d.OUT) { return; }

  var sums = array<vec4f, 2>(sum0, sum1);
  let count = min(d.ITEMS, d.N - first);
  for (var k = 0u; k < count; k++) { store(d.FIRST_SPAN + group.y, first + k, o, sums[k]); }
}
