struct Dims {
  N: u32, C: u32, H: u32, W: u32, BLOCKS: u32, KEPT: u32, P: u32, Q: u32, RUN_B: u32, RUN_H: u32,
  RUN_W: u32, SIZE: u32, COUNT: u32, EPSILON: u32, X_BLOCK: u32, X_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> statistics: array<vec4f>; // [N, KEPT, P, Q, 3]

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn store_statistics(n: u32, kept: u32, p: u32, q: u32, lane: u32, value: vec4f) {
  let i = (((n * d.KEPT + kept) * d.P + p) * d.Q + q) * 3u + lane;
  statistics[i] = value;
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

  var mean = vec4f();
  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    mean += load_x(n, b, h, w);
  }
  mean = mean + mean.yxwz;
  mean = mean + mean.zwxy;
  mean /= f32(d.SIZE);

  var moments = mat2x4f();
  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    let off = select(vec4f(), load_x(n, b, h, w) - mean, inside);
    moments += mat2x4f(off, off * off);
  }
  moments = moments + mat2x4f(moments[0].yxwz, moments[1].yxwz);
  moments = moments + mat2x4f(moments[0].zwxy, moments[1].zwxy);

  let left = moments[0] / f32(d.SIZE);
  let variance = max(moments[1] / f32(d.SIZE) - left * left, vec4f());
  store_statistics(n, g, p, q, 0u, 1.0 / sqrt(variance + bitcast<f32>(d.EPSILON)));
  store_statistics(n, g, p, q, 1u, mean);
  store_statistics(n, g, p, q, 2u, left);
}
