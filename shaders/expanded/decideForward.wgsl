struct Dims {
  N: u32, H: u32, W: u32, C: u32, BLOCKS: u32, GROUPS: u32, CLIP_MIN: u32, CLIP_MAX: u32, X_BLOCK: u32,
  X_BLOCKS: u32, Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read_write> squares: array<vec4f>; // [N, GROUPS]

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn index_y(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.H + h) * d.W + w;
}

fn store_y_at(i: u32, value: vec4f) {
  y[i] = value;
}

fn store_squares(n: u32, group: u32, value: vec4f) {
  let i = n * d.GROUPS + group;
  squares[i] = value;
}

fn overflowed(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}

var<workgroup> sums: array<vec4f, 64>; // of each invocation

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  var sum = vec4f();

  let n = group.z;
  for (var i = group.x * 64u + me; i < d.BLOCKS * d.H * d.W; i += 64u * d.GROUPS) {
    let value = load_x_at(index_x(n, 0u, 0u, 0u) + i);
    sum += value * value;
    let cut = clamp(value, vec4f(bitcast<f32>(d.CLIP_MIN)), vec4f(bitcast<f32>(d.CLIP_MAX)));
    store_y_at(index_y(n, 0u, 0u, 0u) + i, select(cut, value, overflowed(value)));
  }
  sums[me] = sum;
  workgroupBarrier();
  if (me == 0u) {
    var total = vec4f();
    for (var k = 0u; k < 64u; k++) { total += sums[k]; }
    store_squares(n, group.x, total);
  }
}
