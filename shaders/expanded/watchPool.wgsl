struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, BLOCKS: u32, C: u32, GROUPS: u32, TOLERANCE: u32,
  X_BLOCK: u32, X_BLOCKS: u32, DY_BLOCK: u32, DY_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read> squares: array<vec4f>; // [N, GROUPS]
@group(0) @binding(4) var<storage, read_write> report: array<vec4f>; // [N, GROUPS, 3]

fn index_dY(n: u32, b: u32, p: u32, q: u32) -> u32 {
  return ((n * d.DY_BLOCKS + d.DY_BLOCK + b) * d.P + p) * d.Q + q;
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

fn store_report(n: u32, group: u32, lane: u32, value: vec4f) {
  let i = (n * d.GROUPS + group) * 3u + lane;
  report[i] = value;
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

  let n = group.z;
  for (var i = group.x * 64u + me; i < d.BLOCKS * d.P * d.Q; i += 64u * d.GROUPS) {
    let pixel = i % (d.P * d.Q);
    let b = i / (d.P * d.Q);
    let p = pixel / d.Q;
    let q = pixel % d.Q;
    let g = dY[index_dY(n, 0u, 0u, 0u) + i];
    let plane = index_x(n, b, 0u, 0u);
    var best = vec4f(-3.4028234663852886e+38);
    var second = best;
    for (var r = 0u; r < d.R; r++) {
      let h = p * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
      if (h >= d.H) { continue; }
      for (var s = 0u; s < d.S; s++) {
        let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
        if (w >= d.W) { continue; }
        let value = load_x_at(plane + h * d.W + w);
        second = max(min(value, best), second);
        best = max(value, best);
      }
    }
    let alive = best != vec4f();
    let tie = alive & (best == second);
    note(g, select(vec4f(), best - second, alive), alive, tie, tolerated, b, pixel, &sum, &counts, &place);
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
