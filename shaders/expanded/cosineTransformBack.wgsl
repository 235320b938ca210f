struct Dims {
  N: u32, H: u32, W: u32, C: u32, WAVES: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>; // [N, C, H, W]
@group(0) @binding(2) var<storage, read> waves: array<f32>; // [WAVES]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [N, C, H, W]

fn load_x(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return x[i];
}

fn load_waves(wave: u32) -> f32 {
  let i = wave;
  return waves[i];
}

fn store_y(n: u32, c: u32, h: u32, w: u32, value: f32) {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  y[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let c = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  var at = 0u;
  let step = 2u * h + 1u;
  var sum = 0.0;
  for (var k = 0u; k < d.H; k++) {
    sum += load_x(n, c, k, w) * load_waves(at);
    at += step;
    if (at >= d.WAVES) { at -= d.WAVES; }
  }
  store_y(n, c, h, w, sum);
}
