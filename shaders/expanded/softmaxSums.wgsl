struct Dims {
  N: u32, C: u32, H: u32, W: u32, BLOCKS: u32, KEPT: u32, P: u32, Q: u32, RUN_B: u32, RUN_H: u32,
  RUN_W: u32, SIZE: u32, COUNT: u32, DY_BLOCK: u32, DY_BLOCKS: u32, X_BLOCK: u32, X_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>; // [N, KEPT, P, Q, 2]
@group(0) @binding(4) var<storage, read_write> sums: array<vec4f>; // [N, KEPT, P, Q]

fn load_dY(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.DY_BLOCKS + d.DY_BLOCK + b) * d.H + h) * d.W + w;
  return dY[i];
}

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn load_statistics(n: u32, kept: u32, p: u32, q: u32, lane: u32) -> vec4f {
  let i = (((n * d.KEPT + kept) * d.P + p) * d.Q + q) * 2u + lane;
  return statistics[i];
}

fn store_sums(n: u32, kept: u32, p: u32, q: u32, value: vec4f) {
  let i = ((n * d.KEPT + kept) * d.P + p) * d.Q + q;
  sums[i] = value;
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

  var sum = vec4f();
  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    let y = exp(load_x(n, b, h, w) - load_statistics(n, g, p, q, 0u)) / load_statistics(n, g, p, q, 1u);
    sum += select(vec4f(), load_dY(n, b, h, w) * y, inside);
  }
  sum = sum + sum.yxwz;
  sum = sum + sum.zwxy;

  store_sums(n, g, p, q, sum);
}
