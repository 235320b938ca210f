struct Dims {
  N: u32, C: u32, SIZE: u32, PLANE: u32, STEP: u32, MOMENTUM: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> direction: array<f32>; // [N, SIZE]
@group(0) @binding(2) var<storage, read> units: array<f32>; // [C, 2]
@group(0) @binding(3) var<storage, read_write> image: array<f32>; // [N, SIZE]
@group(0) @binding(4) var<storage, read> report: array<f32>; // [N, 2]
@group(0) @binding(5) var<storage, read_write> velocity: array<f32>; // [N, SIZE]

fn load_direction(n: u32, size: u32) -> f32 {
  let i = n * d.SIZE + size;
  return direction[i];
}

fn load_units(c: u32, lane: u32) -> f32 {
  let i = c * 2u + lane;
  return units[i];
}

fn load_image(n: u32, size: u32) -> f32 {
  let i = n * d.SIZE + size;
  return image[i];
}

fn store_image(n: u32, size: u32, value: f32) {
  let i = n * d.SIZE + size;
  image[i] = value;
}

fn load_report(n: u32, lane: u32) -> f32 {
  let i = n * 2u + lane;
  return report[i];
}

fn load_velocity(n: u32, size: u32) -> f32 {
  let i = n * d.SIZE + size;
  return velocity[i];
}

fn store_velocity(n: u32, size: u32, value: f32) {
  let i = n * d.SIZE + size;
  velocity[i] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.SIZE) { return; }
  let n = id.z;
  let i = id.x;

  var change = load_direction(n, i);
  let norm = load_report(n, 1u);
  if (norm != 0.0) { change /= norm; }
  change += bitcast<f32>(d.MOMENTUM) * load_velocity(n, i);
  store_velocity(n, i, change);
  store_image(n, i, load_image(n, i) + bitcast<f32>(d.STEP) * load_units(i / d.PLANE, 1u) * change);
}
