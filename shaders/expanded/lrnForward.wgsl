struct Dims {
  N: u32, H: u32, W: u32, C: u32, BLOCKS: u32, BELOW: u32, ABOVE: u32, ALPHA: u32, BETA: u32, K: u32,
  X_BLOCK: u32, X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read_write> scales: array<vec4f>; // [N, C/4, H, W]

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn store_y(n: u32, b: u32, h: u32, w: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
  y[i] = value;
}

fn store_scales(n: u32, b: u32, h: u32, w: u32, value: vec4f) {
  let i = ((n * d.BLOCKS + b) * d.H + h) * d.W + w;
  scales[i] = value;
}

fn channelsOf(b: u32) -> vec4u {
  return vec4u(4u * b) + vec4u(0u, 1u, 2u, 3u);
}
fn overflowed(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let channels = channelsOf(b);
  let begin = max(b * 4u, d.BELOW) - d.BELOW;
  let end = min(b * 4u + 4u + d.ABOVE, d.C);
  var squares = vec4f();
  for (var c = begin; c < end; c++) {
    let value = load_x(n, c / 4u, h, w)[c % 4u];
    let inside = (vec4u(c + d.BELOW) >= channels) & (vec4u(c) <= channels + vec4u(d.ABOVE));
    squares += select(vec4f(), vec4f(value * value), inside);
  }
  let scale = select(vec4f(1.0), bitcast<f32>(d.K) + bitcast<f32>(d.ALPHA) * squares, channels < vec4u(d.C));
  store_scales(n, b, h, w, scale);
  let value = load_x(n, b, h, w) * pow(scale, vec4f(-bitcast<f32>(d.BETA)));
  store_y(n, b, h, w, select(value, scale, overflowed(scale)));
}
