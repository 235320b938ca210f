struct Dims {
  N: u32, H: u32, W: u32, C: u32, JITTER: u32, SEED: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> image: array<f32>; // [N, C, H, W]
@group(0) @binding(2) var<storage, read> clock: array<u32>; // [1]
@group(0) @binding(3) var<storage, read_write> shown: array<f32>; // [N, C, H, W]

fn load_image(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return image[i];
}

fn store_shown(n: u32, c: u32, h: u32, w: u32, value: f32) {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  shown[i] = value;
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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let c = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let at = shifted(h, w);
  store_shown(n, c, at.y, at.x, load_image(n, c, h, w));
}
