struct Dims {
  N: u32, H: u32, W: u32, C: u32, FROM_H: u32, FROM_W: u32, BLOCKS: u32, X_BLOCK: u32, X_BLOCKS: u32,
  Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, FROM_H, FROM_W]
@group(0) @binding(2) var<storage, read> lists: array<u32>; // [WORDS]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.FROM_H + h) * d.FROM_W + w;
  return x[i];
}

fn store_y(n: u32, b: u32, h: u32, w: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
  y[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let plane = d.FROM_H * d.FROM_W;
  var value = vec4f();
  for (var lane = 0u; lane < 4u; lane++) {
    let c = b * 4u + lane;
    if (c >= d.C) { break; }
    let i = (c * d.H + h) * d.W + w;
    for (var e = lists[i]; e < lists[i + 1u]; e++) {
      let source = lists[e];
      let k = source / plane;
      value[lane] += load_x(n, k / 4u, source % plane / d.FROM_W, source % d.FROM_W)[k % 4u];
    }
  }
  store_y(n, b, h, w, value);
}
