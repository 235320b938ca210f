struct Dims {
  N: u32, OUT: u32, SPANS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>; // [SPANS, N, OUT]
@group(0) @binding(2) var<storage, read> bias: array<vec4f>; // [OUT]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, O/4]
@group(0) @binding(4) var<storage, read_write> bits: array<u32>; // [N, O/4]

fn load_partial(span: u32, n: u32, out: u32) -> vec4f {
  let i = (span * d.N + n) * d.OUT + out;
  return partial[i];
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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.OUT) { return; }
  let n = id.y;
  let o = id.x;

  var sum = vec4f();
  for (var span = 0u; span < d.SPANS; span++) { sum += load_partial(span, n, o); }
  finish(n, o, sum);
}
