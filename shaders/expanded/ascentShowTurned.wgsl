struct Dims {
  N: u32, H: u32, W: u32, C: u32, JITTER: u32, HALF_ANGLE: u32, ZOOM: u32, SEED: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> image: array<f32>; // [N, C, H, W]
@group(0) @binding(2) var<storage, read> clock: array<u32>; // [1]
@group(0) @binding(3) var<storage, read> units: array<f32>; // [C, 2]
@group(0) @binding(4) var<storage, read_write> shown: array<f32>; // [N, C, H, W]

fn load_image(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return image[i];
}

fn load_units(c: u32, lane: u32) -> f32 {
  let i = c * 2u + lane;
  return units[i];
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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let c = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let at = seen(turn(), vec2f(f32(w), f32(h)));
  let first = vec2i(floor(at));
  let next = at - floor(at);
  let centre = load_units(c, 0u);
  var value = centre;
  for (var dy = 0; dy < 2; dy++) {
    for (var dx = 0; dx < 2; dx++) {
      if (!inside(first.x + dx, first.y + dy)) { continue; }
      let weight = select(1.0 - next.x, next.x, dx == 1) * select(1.0 - next.y, next.y, dy == 1);
      value += weight * (load_image(n, c, u32(first.y + dy), u32(first.x + dx)) - centre);
    }
  }
  store_shown(n, c, h, w, value);
}
