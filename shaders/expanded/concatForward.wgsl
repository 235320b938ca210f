struct Dims {
  N: u32, H: u32, W: u32, PART: u32, WHOLE: u32, OFFSET: u32, FIRST: u32, BLOCKS: u32, X_BLOCK: u32,
  X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, PART/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, WHOLE/4, H, W]

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn load_y(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
  return y[i];
}

fn store_y(n: u32, b: u32, h: u32, w: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
  y[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let k = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let b = d.FIRST + k;
  var value = load_y(n, b, h, w);
  for (var lane = 0u; lane < 4u; lane++) {
    let c = b * 4u + lane - d.OFFSET;
    if (c < d.PART) {
      value[lane] = load_x(n, c / 4u, h, w)[c % 4u];
    } else if (c + d.OFFSET >= d.WHOLE) {
      value[lane] = 0.0;
    }
  }
  store_y(n, b, h, w, value);
}
