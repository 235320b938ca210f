struct Dims {
  N: u32, C: u32, H: u32, W: u32, BLOCKS: u32, KEPT: u32, P: u32, Q: u32, RUN_B: u32, RUN_H: u32,
  RUN_W: u32, SIZE: u32, COUNT: u32, X_BLOCK: u32, X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(3) var<storage, read_write> places: array<vec4u>; // [N, KEPT, P, Q]

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn store_y(n: u32, b: u32, p: u32, q: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.P + p) * d.Q + q;
  y[i] = value;
}

fn store_places(n: u32, kept: u32, p: u32, q: u32, value: vec4u) {
  let i = ((n * d.KEPT + kept) * d.P + p) * d.Q + q;
  places[i] = value;
}

fn overflowed(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}
struct Best { value: vec4f, place: vec4u }
fn better(a: Best, b: Best) -> Best {
  let isFirst = (b.value == a.value) & (b.place < a.place);
  let wins = ((b.value > a.value) | isFirst | overflowed(b.value)) & !overflowed(a.value);
  return Best(select(a.value, b.value, wins), select(a.place, b.place, wins));
}
fn placesIn(b: u32, h: u32, w: u32, p: u32, q: u32) -> vec4u {
  let pixel = (h - p) * d.RUN_W + (w - q);
  return channelsOf(b) * (d.RUN_H * d.RUN_W) + pixel;
}
fn firstOf(v: vec4f, b: u32) -> vec4f {
  return select(vec4f(v.x), v, channelsOf(b) < vec4u(d.C));
}
fn channelsOf(b: u32) -> vec4u {
  return vec4u(4u * b) + vec4u(0u, 1u, 2u, 3u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.P * d.Q) { return; }
  let n = id.z;
  let g = id.y;
  let p = id.x / d.Q;
  let q = id.x % d.Q;

  var best = Best(
    firstOf(load_x(n, g, p, q), g),
    select(vec4u(), placesIn(g, p, q, p, q), channelsOf(g) < vec4u(d.C)),
  );
  for (var i = 0u; i < d.COUNT; i += 1u) {
    let w = q + i % d.RUN_W;
    let h = p + i / d.RUN_W % d.RUN_H;
    let b = g + i / (d.RUN_W * d.RUN_H);
    let inside = channelsOf(b) < vec4u(d.C);
    let other = better(best, Best(load_x(n, b, h, w), placesIn(b, h, w, p, q)));
    best = Best(select(best.value, other.value, inside), select(best.place, other.place, inside));
  }
  best = better(best, Best(best.value.yxwz, best.place.yxwz));
  best = better(best, Best(best.value.zwxy, best.place.zwxy));

  store_y(n, g, p, q, vec4f(best.value.x, 0.0, 0.0, 0.0));
  store_places(n, g, p, q, best.place);
}
