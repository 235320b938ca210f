struct Dims {
  N: u32, H: u32, W: u32, IN: u32, OUT: u32, FIRST: u32, ROWS: u32, ITEMS: u32, DX_BLOCK: u32,
  DX_BLOCKS: u32, DY_BLOCK: u32, DY_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, O/4]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [ROWS, 4, OUT]
@group(0) @binding(3) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(4) var<storage, read> bits: array<u32>; // [N, C/4, H, W/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(5) var<uniform> rule: Rule;

fn index_dY(n: u32, b: u32) -> u32 {
  return n * d.DY_BLOCKS + d.DY_BLOCK + b;
}

fn load_dY_at(i: u32) -> vec4f {
  return dY[i];
}

fn index_weight(row: u32, lane: u32, out: u32) -> u32 {
  return (row * 4u + lane) * d.OUT + out;
}

fn load_weight_at(i: u32) -> vec4f {
  return weight[i];
}

fn index_dX(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_bits(n: u32, b: u32, h: u32, strip: u32) -> u32 {
  let i = ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * ((d.W + 7u) / 8u) + strip;
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
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let offset = min(id.x, d.ROWS - 1u);

  let i = d.FIRST + offset;
  let pixel = i % (d.H * d.W);
  let h = pixel / d.W;
  let w = pixel % d.W;
  let b = i / (d.H * d.W);
  let first = group.y * 2u;
  let at0 = index_dY(min(first + 0u, d.N - 1u), 0u);
  let at1 = index_dY(min(first + 1u, d.N - 1u), 0u);
  // four products a row and lane, which are added up at the end
  var a0_0 = vec4f();
  var a0_1 = vec4f();
  var a0_2 = vec4f();
  var a0_3 = vec4f();
  var a1_0 = vec4f();
  var a1_1 = vec4f();
  var a1_2 = vec4f();
  var a1_3 = vec4f();
  let idle = !any(isLive(min(first + 0u, d.N - 1u), b, h, w)) && !any(isLive(min(first + 1u, d.N - 1u), b, h, w));
  let outputs = select(d.OUT, 0u, idle);
  let row = index_weight(offset, 0u, 0u);
  for (var o = 0u; o < outputs; o++) {
    let w0 = load_weight_at(row + 0u * d.OUT + o);
    let w1 = load_weight_at(row + 1u * d.OUT + o);
    let w2 = load_weight_at(row + 2u * d.OUT + o);
    let w3 = load_weight_at(row + 3u * d.OUT + o);
    let v0 = load_dY_at(at0 + o);
    let v1 = load_dY_at(at1 + o);
    a0_0 += w0 * v0;
    a0_1 += w1 * v0;
    a0_2 += w2 * v0;
    a0_3 += w3 * v0;
    a1_0 += w0 * v1;
    a1_1 += w1 * v1;
    a1_2 += w2 * v1;
    a1_3 += w3 * v1;
  }
  if (id.x >= d.ROWS) { return; }
  let ones = vec4f(1.0);
  let sum0 = vec4f(dot(a0_0, ones), dot(a0_1, ones), dot(a0_2, ones), dot(a0_3, ones));
  let sum1 = vec4f(dot(a1_0, ones), dot(a1_1, ones), dot(a1_2, ones), dot(a1_3, ones));

  var sums = array<vec4f, 2>(sum0, sum1);
  let count = min(d.ITEMS, d.N - first);
  for (var k = 0u; k < count; k++) { storeGradient(first + k, b, h, w, sums[k]); }
}
