struct Dims {
  N: u32, H: u32, W: u32, C: u32, SAMPLES: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> gradient: array<f32>; // [N, C, H, W]
@group(0) @binding(2) var<storage, read> clock: array<u32>; // [1]
@group(0) @binding(3) var<storage, read_write> total: array<f32>; // [C, H, W]

fn load_gradient(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return gradient[i];
}

fn load_total(c: u32, h: u32, w: u32) -> f32 {
  let i = (c * d.H + h) * d.W + w;
  return total[i];
}

fn store_total(c: u32, h: u32, w: u32, value: f32) {
  let i = (c * d.H + h) * d.W + w;
  total[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let c = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  var sum = load_total(c, h, w);
  for (var n = 0u; n < min(d.N, d.SAMPLES - clock[0] * d.N); n++) {
    let value = load_gradient(n, c, h, w);
    sum += value * value;
  }
  store_total(c, h, w, sum);
}
