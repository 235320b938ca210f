struct Dims {
  PICTURE_W: u32, FROM_X: u32, FROM_Y: u32, FROM_W: u32, FROM_H: u32, C: u32, H: u32, W: u32, TO_X: u32,
  TO_Y: u32, TO_W: u32, TO_H: u32, BGR: u32, LINEAR: u32, ITEM: u32, FACTOR_R: u32, OFFSET_R: u32,
  FACTOR_G: u32, OFFSET_G: u32, FACTOR_B: u32, OFFSET_B: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> picture: array<u32>; // [PICTURE_H, PICTURE_W]
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // [N, C, H, W]

fn load_picture(h: u32, w: u32) -> u32 {
  let i = h * d.PICTURE_W + w;
  return picture[i];
}

fn store_y(n: u32, c: u32, h: u32, w: u32, value: f32) {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  y[i] = value;
}

fn encodeSrgb(linear: vec3f) -> vec3f {
  let light = clamp(linear, vec3f(), vec3f(1.0));
  return select(1.055 * pow(light, vec3f(1.0 / 2.4)) - 0.055, 12.92 * light, light <= vec3f(0.0031308));
}

fn colour(h: u32, w: u32) -> vec3f {
  var pixel = unpack4x8unorm(load_picture(h, w));
  if (d.LINEAR == 1u) { pixel = vec4f(encodeSrgb(pixel.rgb), pixel.a); }
  return mix(vec3f(1.0), pixel.rgb, pixel.a) * 255.0;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let h = id.x / d.W;
  let w = id.x % d.W;

  let at = vec2u(w, h);
  let corner = vec2u(d.TO_X, d.TO_Y);
  let to = vec2f(f32(d.TO_W), f32(d.TO_H));
  var value = vec3f();
  if (all(at >= corner) && all(at < corner + vec2u(d.TO_W, d.TO_H))) {
    let begin = vec2f(bitcast<f32>(d.FROM_X), bitcast<f32>(d.FROM_Y));
    let size = vec2f(bitcast<f32>(d.FROM_W), bitcast<f32>(d.FROM_H));
    let end = begin + size;
    let centre = begin + (vec2f(at - corner) + 0.5) * size / to;
    let reach = max(size / to, vec2f(1.0));
    let low = vec2u(max(floor(centre - reach), floor(begin)));
    let high = vec2u(min(ceil(centre + reach), ceil(end)));
    var sum = vec3f();
    var total = 0.0;
    for (var v = low.y; v < high.y; v++) {
      let down = max(0.0, 1.0 - abs(f32(v) + 0.5 - centre.y) / reach.y);
      var row = vec3f();
      var along = 0.0;
      for (var u = low.x; u < high.x; u++) {
        let weight = max(0.0, 1.0 - abs(f32(u) + 0.5 - centre.x) / reach.x);
        row += weight * colour(v, u);
        along += weight;
      }
      sum += down * row;
      total += down * along;
    }
    let factor = bitcast<vec3f>(vec3u(d.FACTOR_R, d.FACTOR_G, d.FACTOR_B));
    let offset = bitcast<vec3f>(vec3u(d.OFFSET_R, d.OFFSET_G, d.OFFSET_B));
    value = sum / total * factor + offset;
  }
  if (d.C == 1u) {
    store_y(d.ITEM, 0u, h, w, dot(value, vec3f(0.299, 0.587, 0.114)));
  } else {
    store_y(d.ITEM, 0u, h, w, select(value.r, value.b, d.BGR == 1u));
    store_y(d.ITEM, 1u, h, w, value.g);
    store_y(d.ITEM, 2u, h, w, select(value.b, value.r, d.BGR == 1u));
  }
}
