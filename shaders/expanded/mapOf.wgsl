struct Dims {
  N: u32, C: u32, H: u32, W: u32, SMOOTHING: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> gradient: array<f32>; // [N, C, H, W]
@group(0) @binding(2) var<storage, read> state: array<vec2f>; // [N]
@group(0) @binding(3) var<storage, read_write> map: array<f32>; // [N, H, W]

fn load_gradient(n: u32, c: u32, h: u32, w: u32) -> f32 {
  let i = ((n * d.C + c) * d.H + h) * d.W + w;
  return gradient[i];
}

fn load_state(n: u32) -> vec2f {
  let i = n;
  return state[i];
}

fn load_map(n: u32, h: u32, w: u32) -> f32 {
  let i = (n * d.H + h) * d.W + w;
  return map[i];
}

fn store_map(n: u32, h: u32, w: u32, value: f32) {
  let i = (n * d.H + h) * d.W + w;
  map[i] = value;
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
  let n = id.z;
  let h = id.x / d.W;
  let w = id.x % d.W;

  var value = valueAt(n, vec2u(w, h));
  if (load_state(n).y > 0.0) { value = mix(value, load_map(n, h, w), bitcast<f32>(d.SMOOTHING)); }
  store_map(n, h, w, value);
}
