struct Dims {
  N: u32, H: u32, W: u32, C: u32, L2: u32, TOTAL_VARIATION: u32, JITTER: u32, SEED: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> gradient: array<f32>; // [N, C, H, W]
@group(0) @binding(2) var<storage, read> image: array<f32>; // [N, C, H, W]
@group(0) @binding(3) var<storage, read> units: array<f32>; // [C, 2]
@group(0) @binding(4) var<storage, read_write> direction: array<f32>; // [N, C, H, W]
@group(0) @binding(5) var<storage, read> clock: array<u32>; // [1]

fn load_gradient(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return gradient[i];
}

fn load_image(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return image[i];
}

fn load_units(c: u32, lane: u32) -> f32 {
  let i = c * 2u + lane;
  return units[i];
}

fn store_direction(n: u32, c: u32, h: u32, w: u32, value: f32) {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  direction[i] = value;
}

fn mix32(word: u32) -> u32 {
  var x = word;
  x ^= x >> 16u;
  x *= 0x85ebca6bu;
  x ^= x >> 13u;
  x *= 0xc2b2ae35u;
  return x ^ (x >> 16u);
}
fn word(salt: u32) -> u32 { return mix32(mix32(mix32(d.SEED) ^ salt) ^ clock[0]); }
fn drawn(salt: u32) -> u32 { return word(salt) % (2u * d.JITTER + 1u); }
fn shifted(h: u32, w: u32) -> vec2u {
  let shift = vec2u(d.W + drawn(1u) - d.JITTER, d.H + drawn(2u) - d.JITTER) % vec2u(d.W, d.H);
  return (vec2u(w, h) + shift) % vec2u(d.W, d.H);
}
fn in_units(n: u32, c: u32, h: u32, w: u32) -> f32 {
  return (load_image(n, c, h, w) - load_units(c, 0u)) / load_units(c, 1u);
}
fn differences(n: u32, c: u32, h: u32, w: u32) -> vec3f {
  let value = in_units(n, c, h, w);
  var right = 0.0;
  var below = 0.0;
  if (w + 1u < d.W) { right = in_units(n, c, h, w + 1u) - value; }
  if (h + 1u < d.H) { below = in_units(n, c, h + 1u, w) - value; }
  return vec3f(right, below, sqrt(right * right + below * below + 0.000001));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let c = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let at = shifted(h, w);
  var value = load_gradient(n, c, at.y, at.x);
  value = value * load_units(c, 1u) - 2.0 * bitcast<f32>(d.L2) * in_units(n, c, h, w);
  let own = differences(n, c, h, w);
  var slope = -(own.x + own.y) / own.z;
  if (w > 0u) {
    let left = differences(n, c, h, w - 1u);
    slope += left.x / left.z;
  }
  if (h > 0u) {
    let above = differences(n, c, h - 1u, w);
    slope += above.y / above.z;
  }
  value -= bitcast<f32>(d.TOTAL_VARIATION) * slope;
  store_direction(n, c, h, w, value);
}
