struct Dims {
  N: u32, H: u32, W: u32, C: u32, SAMPLES: u32, SIGMA: u32, SEED: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> picture: array<f32>; // [C, H, W]
@group(0) @binding(2) var<storage, read> clock: array<u32>; // [1]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [N, C, H, W]

fn index_picture(c: u32, h: u32, w: u32) -> u32 {
  return (c * d.H + h) * d.W + w;
}

fn load_picture(c: u32, h: u32, w: u32) -> f32 {
  let i = (c * d.H + h) * d.W + w;
  return picture[i];
}

fn store_y(n: u32, c: u32, h: u32, w: u32, value: f32) {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  y[i] = value;
}

fn mix32(word: u32) -> u32 {
  var x = word;
  x ^= x >> 16u;
  x *= 0x85ebca6bu;
  x ^= x >> 13u;
  x *= 0xc2b2ae35u;
  return x ^ (x >> 16u);
}
fn normal(seed: u32, sample: u32, element: u32) -> f32 {
  var sum = 0u;
  for (var k = 0u; k < 3u; k++) {
    let word = vec4u(mix32(mix32(mix32(mix32(seed) ^ (k + 1u)) ^ sample) ^ element));
    let bytes = (word >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
    sum += bytes.x + bytes.y + bytes.z + bytes.w;
  }
  return (f32(sum) - 1530.0) / 256.0;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let c = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let s = clock[0] * d.N + n;
  var value = load_picture(c, h, w);
  value += bitcast<f32>(d.SIGMA) * normal(d.SEED, s, index_picture(c, h, w));
  store_y(n, c, h, w, value);
}
