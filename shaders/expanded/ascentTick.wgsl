struct Dims {
  STEP: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read_write> clock: array<u32>; // [1]

@compute @workgroup_size(1)
fn main() {
  clock[0] += d.STEP;
}
