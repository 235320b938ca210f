struct Dims {
  N: u32, C: u32, X_BLOCK: u32, X_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4]
@group(0) @binding(2) var<storage, read_write> targets: array<vec4u>; // [N]

fn load_x(n: u32, b: u32) -> vec4f {
  let i = n * d.X_BLOCKS + d.X_BLOCK + b;
  return x[i];
}

fn store_targets(n: u32, value: vec4u) {
  let i = n;
  targets[i] = value;
}

var<workgroup> scores: array<f32, 64>;
var<workgroup> classes: array<u32, 64>;

fn scoreOf(n: u32, c: u32) -> f32 { return load_x(n, c / 4u)[c % 4u]; }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let n = group.x;
  var best = select(0u, me, me < d.C);
  var score = scoreOf(n, best);
  for (var c = me + 64u; c < d.C; c += 64u) {
    let other = scoreOf(n, c);
    if (other > score) {
      score = other;
      best = c;
    }
  }
  scores[me] = score;
  classes[me] = best;
  workgroupBarrier();
  for (var apart = 32u; apart > 0u; apart /= 2u) {
    if (me < apart) {
      let other = scores[me + apart];
      let c = classes[me + apart];
      if (other > scores[me] || (other == scores[me] && c < classes[me])) {
        scores[me] = other;
        classes[me] = c;
      }
    }
    workgroupBarrier();
  }
  if (me == 0u) { store_targets(n, vec4u(classes[0], 4294967295u, 4294967295u, 0u)); }
}
