struct Dims {
  N: u32, H: u32, W: u32, OUT_H: u32, OUT_W: u32, TO_X: u32, TO_Y: u32, TO_W: u32, TO_H: u32, FROM_X: u32,
  FROM_Y: u32, FROM_W: u32, FROM_H: u32, ALPHA: u32, PICTURE_W: u32, PICTURE_H: u32, LINEAR: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> map: array<f32>; // [N, H, W]
@group(0) @binding(2) var<storage, read> state: array<vec2f>; // [N]
@group(0) @binding(3) var<storage, read> colours: array<u32>; // [1024]
@group(0) @binding(4) var picture: texture_2d<f32>;
@group(0) @binding(5) var out: texture_storage_2d<rgba8unorm, write>;

fn load_map(n: u32, h: u32, w: u32) -> f32 {
  let i = (n * d.H + h) * d.W + w;
  return map[i];
}

fn load_state(n: u32) -> vec2f {
  let i = n;
  return state[i];
}

fn load_colours_at(i: u32) -> u32 {
  return colours[i];
}

fn decodeSrgb(colour: vec3f) -> vec3f {
  return select(pow((colour + 0.055) / 1.055, vec3f(2.4)), colour / 12.92, colour <= vec3f(0.04045));
}

fn encodeSrgb(linear: vec3f) -> vec3f {
  let light = clamp(linear, vec3f(), vec3f(1.0));
  return select(1.055 * pow(light, vec3f(1.0 / 2.4)) - 0.055, 12.92 * light, light <= vec3f(0.0031308));
}

fn pixelOf(x: u32, y: u32) -> vec3f {
  let pixel = textureLoad(picture, vec2u(x, y), 0).rgb;
  return select(pixel, encodeSrgb(pixel), d.LINEAR == 1u);
}

fn pictureAt(part: vec2f) -> vec3f {
  let size = vec2u(d.PICTURE_W, d.PICTURE_H);
  let at = clamp(part * vec2f(size) - 0.5, vec2f(), vec2f(size - 1u));
  let whole = floor(at);
  let share = at - whole;
  let low = vec2u(whole);
  let high = min(low + 1u, size - 1u);
  let above = mix(pixelOf(low.x, low.y), pixelOf(high.x, low.y), share.x);
  let below = mix(pixelOf(low.x, high.y), pixelOf(high.x, high.y), share.x);
  return mix(above, below, share.y);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.OUT_H * d.OUT_W) { return; }
  let n = id.z;
  let h = id.x / d.OUT_W;
  let w = id.x % d.OUT_W;

  let place = vec2f(f32(w), f32(h)) + 0.5;
  let begin = vec2f(bitcast<f32>(d.FROM_X), bitcast<f32>(d.FROM_Y));
  let size = vec2f(bitcast<f32>(d.FROM_W), bitcast<f32>(d.FROM_H));
  let inside = (place - begin) / size;
  let shown = all(inside >= vec2f(0.0)) && all(inside <= vec2f(1.0));
  let corner = vec2u(d.TO_X, d.TO_Y);
  let last = corner + vec2u(d.TO_W, d.TO_H) - 1u;
  let at = clamp(vec2f(corner) + inside * vec2f(f32(d.TO_W), f32(d.TO_H)) - 0.5, vec2f(corner), vec2f(last));
  let low = vec2u(at);
  let high = min(low + 1u, last);
  let part = at - floor(at);
  let above = mix(load_map(n, low.y, low.x), load_map(n, low.y, high.x), part.x);
  let below = mix(load_map(n, high.y, low.x), load_map(n, high.y, high.x), part.x);
  let clip = load_state(n).x;
  var share = 0.0;
  if (clip > 0.0) { share = mix(above, below, part.y) / clip; }
  var opacity = select(0.0, 1.0, shown);
  opacity *= bitcast<f32>(d.ALPHA) * min(1.0, abs(share));
  let level = u32(floor(clamp(share, 0.0, 1.0) * 1023.0 + 0.5));
  let colour = unpack4x8unorm(load_colours_at(level)).rgb;
  let under = pictureAt(place / vec2f(f32(d.OUT_W), f32(d.OUT_H)));
  var pixel = vec4f(mix(under, colour, opacity), 1.0);
  pixel = vec4f(decodeSrgb(pixel.rgb), pixel.a);
  textureStore(out, vec2u(w, h), pixel);
}
