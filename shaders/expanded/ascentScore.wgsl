struct Dims {
  BLOCKS: u32, PLANE: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> scores: array<vec4f>; // [N, C/4, PLANE]
@group(0) @binding(2) var<storage, read> chosen: array<vec4u>; // [N]
@group(0) @binding(3) var<storage, read_write> report: array<f32>; // [N, 2]

fn index_scores(n: u32, b: u32, plane: u32) -> u32 {
  return (n * d.BLOCKS + b) * d.PLANE + plane;
}

fn load_chosen(n: u32) -> vec4u {
  let i = n;
  return chosen[i];
}

fn store_report(n: u32, lane: u32, value: f32) {
  let i = n * 2u + lane;
  report[i] = value;
}

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) me: u32, @builtin(workgroup_id) group: vec3u) {
  let n = group.z;
  let neuron = load_chosen(n);
  let plane = index_scores(n, neuron.x / 4u, 0u);
  var sum = 0.0;
  for (var i = neuron.y + me; i < neuron.z; i += 256u) { sum += scores[plane + i][neuron.x % 4u]; }

  sums[me] = sum;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (me < half) { sums[me] += sums[me + half]; }
  }
  if (me == 0u) { store_report(n, 0u, sums[0]); }
}
