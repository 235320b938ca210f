struct Dims {
  N: u32, C: u32, H: u32, W: u32, BLOCKS: u32, KEPT: u32, P: u32, Q: u32, RUN_B: u32, RUN_H: u32,
  RUN_W: u32, SIZE: u32, COUNT: u32, X_BLOCK: u32, X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> statistics: array<vec4f>; // [N, KEPT, P, Q, 2]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(4) var<storage, read_write> tap: array<f32>; // [N, C, H, W]

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

fn store_tap(n: u32, c: u32, h: u32, w: u32, value: f32) {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  tap[i] = value;
}

fn firstOf(v: vec4f, b: u32) -> vec4f {
  return select(vec4f(v.x), v, channelsOf(b) < vec4u(d.C));
}
fn channelsOf(b: u32) -> vec4u {
  return vec4u(4u * b) + vec4u(0u, 1u, 2u, 3u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.P * d.Q) { return; }
  let n = id.z;
  let g = id.y;
  let p = id.x / d.Q;
  let q = id.x % d.Q;

  var peak = firstOf(load_x(n, g, p, q), g);
  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    peak = select(peak, max(peak, load_x(n, b, h, w)), inside);
  }
  peak = max(peak, peak.yxwz);
  peak = max(peak, peak.zwxy);

  var total = vec4f();
  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    total += select(vec4f(), exp(load_x(n, b, h, w) - peak), inside);
  }
  total = total + total.yxwz;
  total = total + total.zwxy;

  store_statistics(n, g, p, q, 0u, peak);
  store_statistics(n, g, p, q, 1u, total);
  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    let above = load_x(n, b, h, w) - peak;
    let value = select(vec4f(), exp(above) / total, inside);
    store_y(n, b, h, w, value);
    for (var lane = 0u; lane < 4u; lane++) {
      if (inside[lane]) { store_tap(n, 4u * b + lane, h, w, value[lane]); }
    }
  }
}
