struct Dims {
  N: u32, H: u32, W: u32, C: u32, SAMPLES: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> gradient: array<f32>; // [N, C, H, W]
@group(0) @binding(2) var<storage, read> views: array<vec4f>; // [SAMPLES, 2]
@group(0) @binding(3) var<storage, read> clock: array<u32>; // [1]
@group(0) @binding(4) var<storage, read_write> total: array<vec2f>; // [H, W]

fn load_gradient(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return gradient[i];
}

fn load_views(sample: u32, lane: u32) -> vec4f {
  let i = sample * 2u + lane;
  return views[i];
}

fn load_total(h: u32, w: u32) -> vec2f {
  let i = h * d.W + w;
  return total[i];
}

fn store_total(h: u32, w: u32, value: vec2f) {
  let i = h * d.W + w;
  total[i] = value;
}

fn valueAt(n: u32, at: vec2u) -> f32 {
  var value = 0.0;
  for (var c = 0u; c < d.C; c++) {
    let g = load_gradient(n, c, at.y, at.x);
    value = max(value, abs(g));
  }
  return value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let h = id.x / d.W;
  let w = id.x % d.W;

  let extents = vec2f(f32(d.W), f32(d.H));
  let pixel = vec2f(f32(w), f32(h)) + 0.5;
  var sum = load_total(h, w);
  for (var n = 0u; n < min(d.N, d.SAMPLES - clock[0] * d.N); n++) {
    let sample = clock[0] * d.N + n;
    let view = load_views(sample, 0u);
    var inside = (pixel - view.xy) / view.zw;
    if (any(inside < vec2f(0.0)) || any(inside >= vec2f(1.0))) { continue; }
    if (load_views(sample, 1u).x != 0.0) { inside.x = 1.0 - inside.x; }
    let at = clamp(inside * extents - 0.5, vec2f(0.0), extents - 1.0);
    let low = vec2u(at);
    let high = min(low + 1u, vec2u(d.W, d.H) - 1u);
    let part = at - floor(at);
    let above = mix(valueAt(n, low), valueAt(n, vec2u(high.x, low.y)), part.x);
    let below = mix(valueAt(n, vec2u(low.x, high.y)), valueAt(n, high), part.x);
    sum += vec2f(mix(above, below, part.y), 1.0);
  }
  store_total(h, w, sum);
}
