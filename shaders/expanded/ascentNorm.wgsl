struct Dims {
  SIZE: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> direction: array<f32>; // [N, SIZE]
@group(0) @binding(2) var<storage, read_write> report: array<f32>; // [N, 2]

fn load_direction(n: u32, size: u32) -> f32 {
  let i = n * d.SIZE + size;
  return direction[i];
}

fn store_report(n: u32, lane: u32, value: f32) {
  let i = n * 2u + lane;
  report[i] = value;
}

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) me: u32, @builtin(workgroup_id) group: vec3u) {
  let n = group.z;
  var sum = 0.0;
  for (var i = me; i < d.SIZE; i += 256u) {
    let value = load_direction(n, i);
    sum += value * value;
  }

  sums[me] = sum;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (me < half) { sums[me] += sums[me + half]; }
  }
  if (me == 0u) { store_report(n, 1u, sqrt(sums[0] / f32(d.SIZE))); }
}
