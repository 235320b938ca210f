struct Dims {
  N: u32, H: u32, W: u32, C: u32, L2: u32, TOTAL_VARIATION: u32, JITTER: u32, HALF_ANGLE: u32, ZOOM: u32,
  SEED: u32,
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
fn part(salt: u32) -> f32 { return f32(word(salt) >> 8u) / 8388608.0 - 1.0; } // from −1 to below 1
fn middle() -> vec2f { return 0.5 * vec2f(f32(d.W) - 1.0, f32(d.H) - 1.0); }
fn shift() -> vec2f { return vec2f(f32(drawn(1u)), f32(drawn(2u))) - f32(d.JITTER); }
// cosine and sine, both over the zoom
fn turn() -> vec2f {
  let half = part(3u) * bitcast<f32>(d.HALF_ANGLE);
  let zoom = 1.0 + part(4u) * bitcast<f32>(d.ZOOM);
  return vec2f(1.0 - half * half, 2.0 * half) / ((1.0 + half * half) * zoom);
}
fn seen(t: vec2f, at: vec2f) -> vec2f {
  let far = at - middle();
  return middle() + vec2f(t.x * far.x - t.y * far.y, t.y * far.x + t.x * far.y) + shift();
}
fn showing(t: vec2f, at: vec2f) -> vec2f {
  let far = at - middle() - shift();
  return middle() + vec2f(t.x * far.x + t.y * far.y, t.x * far.y - t.y * far.x) / dot(t, t);
}
// how far from a place the pixels lie that show it: √2 zooms, and half a pixel of rounding
const REACH = 2;
fn inside(x: i32, y: i32) -> bool { return x >= 0 && y >= 0 && x < i32(d.W) && y < i32(d.H); }
fn in_units(n: u32, c: u32, h: u32, w: u32) -> f32 {
  return (load_image(n, c, h, w) - load_units(c, 0u)) / load_units(c, 1u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let c = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  // the transposed of what ascentShow did: every pixel that shows this one gives back its weight's part
  let t = turn();
  let here = vec2f(f32(w), f32(h));
  let near = vec2i(round(showing(t, here)));
  var value = 0.0;
  for (var y = near.y - REACH; y <= near.y + REACH; y++) {
    for (var x = near.x - REACH; x <= near.x + REACH; x++) {
      if (!inside(x, y)) { continue; }
      let weight = max(vec2f(0.0), 1.0 - abs(seen(t, vec2f(f32(x), f32(y))) - here));
      value += weight.x * weight.y * load_gradient(n, c, u32(y), u32(x));
    }
  }
  value = value * load_units(c, 1u) - 2.0 * bitcast<f32>(d.L2) * in_units(n, c, h, w);
  store_direction(n, c, h, w, value);
}
