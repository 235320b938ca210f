struct Dims {
  N: u32, H: u32, W: u32, C: u32, BLOCKS: u32, GROUPS: u32, TOLERANCE: u32, CLIP_MIN: u32, CLIP_MAX: u32,
  X_BLOCK: u32, X_BLOCKS: u32, DX_BLOCK: u32, DX_BLOCKS: u32, DY_BLOCK: u32, DY_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read> squares: array<vec4f>; // [N, GROUPS]
@group(0) @binding(4) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(5) var<storage, read> bits: array<u32>; // [N, C/4, H, W/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(6) var<uniform> rule: Rule;
@group(0) @binding(7) var<storage, read_write> report: array<vec4f>; // [N, GROUPS, 3]

fn index_dY(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.DY_BLOCKS + d.DY_BLOCK + b) * d.H + h) * d.W + w;
}

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn load_squares(n: u32, group: u32) -> vec4f {
  let i = n * d.GROUPS + group;
  return squares[i];
}

fn index_dX(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_bits(n: u32, b: u32, h: u32, strip: u32) -> u32 {
  let i = ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * ((d.W + 7u) / 8u) + strip;
  return bits[i];
}

fn store_report(n: u32, group: u32, lane: u32, value: vec4f) {
  let i = (n * d.GROUPS + group) * 3u + lane;
  report[i] = value;
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
fn note(
  g: vec4f, margin: vec4f, through: vec4<bool>, tie: vec4<bool>, tolerated: f32, b: u32, pixel: u32,
  sum: ptr<function, vec4f>, counts: ptr<function, vec4f>, place: ptr<function, vec4f>,
) {
  let scaled = g * 1073741824.0;
  let energy = scaled * scaled;
  let open = (margin > vec4f()) & (margin <= vec4f(5.0 * tolerated)) & (g != vec4f());
  let tied = tie & (g != vec4f());
  (*sum).x += dot(select(vec4f(), energy, through), vec4f(1.0));
  if (!any(open | tied)) { return; }
  let undecided = open & (margin <= vec4f(tolerated));
  (*sum).y += dot(select(vec4f(), energy, undecided), vec4f(1.0));
  (*sum).z += dot(select(vec4f(), energy, open), vec4f(1.0));
  (*sum).w += dot(select(vec4f(), energy, tied), vec4f(1.0));
  (*counts).x += dot(vec4f(undecided), vec4f(1.0));
  (*counts).y += dot(vec4f(tied), vec4f(1.0));
  for (var lane = 0u; lane < 4u; lane++) {
    if (undecided[lane] && energy[lane] > (*place).x) {
      *place = vec4f(energy[lane], f32(4u * b + lane), f32(pixel), 0.0);
    }
  }
}

var<workgroup> sums: array<vec4f, 64>; // of each invocation
var<workgroup> countsOf: array<vec4f, 64>; // of each invocation
var<workgroup> places: array<vec4f, 64>; // of each invocation

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  if (me == 0u) {
    var total = vec4f();
    for (var k = 0u; k < d.GROUPS; k++) { total += load_squares(group.z, k); }
    sums[0] = total;
  }
  workgroupBarrier();
  let elements = f32(d.C) * f32(d.H) * f32(d.W);
  let tolerated = bitcast<f32>(d.TOLERANCE) * sqrt(dot(sums[0], vec4f(1.0)) / elements);
  workgroupBarrier();
  var sum = vec4f();
  var counts = vec4f();
  var place = vec4f(-1.0, 0.0, 0.0, 0.0);
  let least = vec4f(bitcast<f32>(d.CLIP_MIN));
  let most = vec4f(bitcast<f32>(d.CLIP_MAX));

  let n = group.z;
  for (var i = group.x * 64u + me; i < d.BLOCKS * d.H * d.W; i += 64u * d.GROUPS) {
    let pixel = i % (d.H * d.W);
    let b = i / (d.H * d.W);
    let value = load_x_at(index_x(n, 0u, 0u, 0u) + i);
    let g = dY[index_dY(n, 0u, 0u, 0u) + i];
    let through = (value > least) & (value < most);
    note(g, min(abs(value - least), abs(most - value)), through, vec4<bool>(), tolerated, b, pixel, &sum, &counts, &place);
    storeGradient(n, b, pixel / d.W, pixel % d.W, select(vec4f(), g, through));
  }

  sums[me] = sum;
  countsOf[me] = counts;
  places[me] = place;
  workgroupBarrier();
  if (me == 0u) {
    for (var k = 1u; k < 64u; k++) {
      sum += sums[k];
      counts += countsOf[k];
      if (places[k].x > place.x) { place = places[k]; }
    }
    store_report(group.z, group.x, 0u, sum);
    store_report(group.z, group.x, 1u, counts);
    store_report(group.z, group.x, 2u, place);
  }
}
