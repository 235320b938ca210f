struct Dims {
  N: u32, H: u32, W: u32, RANK: u32, PART: u32, KEEPS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> map: array<f32>; // [N, H, W]
@group(0) @binding(2) var<storage, read_write> state: array<vec2f>; // [N]

fn load_map_at(i: u32) -> f32 {
  return map[i];
}

fn load_state(n: u32) -> vec2f {
  let i = n;
  return state[i];
}

fn store_state(n: u32, value: vec2f) {
  let i = n;
  state[i] = value;
}

var<workgroup> counts: array<atomic<u32>, 256>;
var<workgroup> bitsSoFar: u32;
var<workgroup> rank: u32;
var<workgroup> beyond: atomic<u32>;

fn bitsOf(i: u32) -> u32 { return bitcast<u32>(abs(load_map_at(i))); }

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let n = group.x;
  let first = n * d.H * d.W;
  let end = first + d.H * d.W;
  if (me == 0u) {
    bitsSoFar = 0u;
    rank = d.RANK;
    atomicStore(&beyond, 0xffffffffu);
  }
  for (var turn = 0u; turn < 4u; turn++) {
    let shift = 24u - 8u * turn;
    let known = select(0xffffffffu << (shift + 8u), 0u, turn == 0u);
    atomicStore(&counts[me], 0u);
    workgroupBarrier();
    for (var i = first + me; i < end; i += 256u) {
      let bits = bitsOf(i);
      if ((bits & known) == bitsSoFar) { atomicAdd(&counts[(bits >> shift) & 255u], 1u); }
    }
    workgroupBarrier();
    if (me == 0u) {
      var digit = 0u;
      for (; digit < 255u; digit++) {
        let count = atomicLoad(&counts[digit]);
        if (rank < count) { break; }
        rank -= count;
      }
      bitsSoFar |= digit << shift;
    }
    workgroupBarrier();
  }
  for (var i = first + me; i < end; i += 256u) {
    let bits = bitsOf(i);
    if (bits > bitsSoFar) { atomicMin(&beyond, bits); }
  }
  workgroupBarrier();
  if (me == 0u) {
    let low = bitcast<f32>(bitsSoFar);
    let next = atomicLoad(&beyond);
    let isLast = rank + 1u < atomicLoad(&counts[bitsSoFar & 255u]) || next == 0xffffffffu;
    let high = select(bitcast<f32>(next), low, isLast);
    let value = low + (high - low) * bitcast<f32>(d.PART);
    let before = load_state(n);
    store_state(n, vec2f(max(value, before.x * before.y * bitcast<f32>(d.KEEPS)), 1.0));
  }
}
