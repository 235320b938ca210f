struct Dims {
  N: u32, C: u32, H: u32, W: u32, BLOCKS: u32, KEPT: u32, P: u32, Q: u32, RUN_B: u32, RUN_H: u32,
  RUN_W: u32, SIZE: u32, COUNT: u32, X_BLOCK: u32, X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> statistics: array<vec4f>; // [N, KEPT, P, Q, 2]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn store_statistics(n: u32, kept: u32, p: u32, q: u32, lane: u32, value: vec4f) {
  let i = (((n * d.KEPT + kept) * d.P + p) * d.Q + q) * 2u + lane;
  statistics[i] = value;
}

fn store_y(n: u32, b: u32, h: u32, w: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
  y[i] = value;
}

fn firstOf(v: vec4f, b: u32) -> vec4f {
  return select(vec4f(v.x), v, channelsOf(b) < vec4u(d.C));
}
fn channelsOf(b: u32) -> vec4u {
  return vec4u(4u * b) + vec4u(0u, 1u, 2u, 3u);
}

var<workgroup> peakParts: array<vec4f, 64>;
var<workgroup> totalParts: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let n = group.z;
  let g = group.y;
  let p = group.x / d.Q;
  let q = group.x % d.Q;

  var peak = firstOf(load_x(n, g, p, q), g);
  for (var i = me; i < d.COUNT; i += 64u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    peak = select(peak, max(peak, load_x(n, b, h, w)), inside);
  }
  peakParts[me] = peak;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (me < half) { peakParts[me] = max(peakParts[me], peakParts[me + half]); }
    workgroupBarrier();
  }
  peak = peakParts[0];

  var total = vec4f();
  for (var i = me; i < d.COUNT; i += 64u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    total += select(vec4f(), exp(load_x(n, b, h, w) - peak), inside);
  }
  totalParts[me] = total;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (me < half) { totalParts[me] = totalParts[me] + totalParts[me + half]; }
    workgroupBarrier();
  }
  total = totalParts[0];

  if (me == 0u) {
    store_statistics(n, g, p, q, 0u, peak);
    store_statistics(n, g, p, q, 1u, total);
  }
  for (var i = me; i < d.COUNT; i += 64u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    let above = load_x(n, b, h, w) - peak;
    let value = select(vec4f(), exp(above) / total, inside);
    store_y(n, b, h, w, value);
  }
}
