struct Dims {
  N: u32, H: u32, W: u32, C: u32, WAVES: u32, TILES: u32, LINES: u32,
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
  if (id.x >= d.LINES * d.TILES) { return; }
  let n = id.z;
  let c = id.y;
  let line = id.x / d.TILES;
  let tile = id.x % d.TILES;

  let line0 = min(4u * line + 0u, d.W - 1u);
  let line1 = min(4u * line + 1u, d.W - 1u);
  let line2 = min(4u * line + 2u, d.W - 1u);
  let line3 = min(4u * line + 3u, d.W - 1u);
  let at0 = min(4u * tile + 0u, d.H - 1u);
  let at1 = min(4u * tile + 1u, d.H - 1u);
  let at2 = min(4u * tile + 2u, d.H - 1u);
  let at3 = min(4u * tile + 3u, d.H - 1u);
  let ats = vec4u(at0, at1, at2, at3);
  var wave = vec4u(0u);
  let step = 2u * ats + 1u;
  var sum0 = vec4f(0.0);
  var sum1 = vec4f(0.0);
  var sum2 = vec4f(0.0);
  var sum3 = vec4f(0.0);
  for (var k = 0u; k < d.H; k++) {
    let cosines = vec4f(load_waves(wave[0]), load_waves(wave[1]), load_waves(wave[2]), load_waves(wave[3]));
    sum0 += load_x(n, c, k, line0) * cosines;
    sum1 += load_x(n, c, k, line1) * cosines;
    sum2 += load_x(n, c, k, line2) * cosines;
    sum3 += load_x(n, c, k, line3) * cosines;
    wave += step;
    wave -= select(vec4u(0u), vec4u(d.WAVES), wave >= vec4u(d.WAVES));
  }
  store_y(n, c, at0, line0, sum0[0]);
  store_y(n, c, at1, line0, sum0[1]);
  store_y(n, c, at2, line0, sum0[2]);
  store_y(n, c, at3, line0, sum0[3]);
  store_y(n, c, at0, line1, sum1[0]);
  store_y(n, c, at1, line1, sum1[1]);
  store_y(n, c, at2, line1, sum1[2]);
  store_y(n, c, at3, line1, sum1[3]);
  store_y(n, c, at0, line2, sum2[0]);
  store_y(n, c, at1, line2, sum2[1]);
  store_y(n, c, at2, line2, sum2[2]);
  store_y(n, c, at3, line2, sum2[3]);
  store_y(n, c, at0, line3, sum3[0]);
  store_y(n, c, at1, line3, sum3[1]);
  store_y(n, c, at2, line3, sum3[2]);
  store_y(n, c, at3, line3, sum3[3]);
}
