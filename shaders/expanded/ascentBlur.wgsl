struct Dims {
  N: u32, H: u32, W: u32, C: u32, RADIUS: u32, SIGMA: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>; // [N, C, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // [N, C, H, W]

fn load_x(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return x[i];
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

  let own = w;
  let period = 2u * d.W;
  let sigma = bitcast<f32>(d.SIGMA);
  var sum = 0.0;
  var total = 0.0;
  for (var k = 0u; k <= 2u * d.RADIUS; k++) {
    let far = f32(k) - f32(d.RADIUS);
    let weight = exp(-far * far / (2.0 * sigma * sigma));
    var at = (own + k + period * d.RADIUS - d.RADIUS) % period;
    if (at >= d.W) { at = period - 1u - at; }
    sum += weight * load_x(n, c, h, at);
    total += weight;
  }
  store_y(n, c, h, w, sum / total);
}
