struct Dims {
  IN: u32, OUT: u32, TILES: u32, OUT_TILES: u32, STEPS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> transformed: array<vec4f>; // [GROUPS, IN, TILES]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [GROUPS, OUT_TILES, STEPS, 8]
@group(0) @binding(3) var<storage, read_write> products: array<vec4f>; // [GROUPS, OUT, TILES]

fn index_transformed(group: u32, in: u32, tile: u32) -> u32 {
  return (group * d.IN + in) * d.TILES + tile;
}

fn index_weight(group: u32, tile: u32, step: u32, lane: u32) -> u32 {
  return ((group * d.OUT_TILES + tile) * d.STEPS + step) * 8u + lane;
}

fn load_weight_at(i: u32) -> vec4f {
  return weight[i];
}

fn index_products(group: u32, out: u32, tile: u32) -> u32 {
  return (group * d.OUT + out) * d.TILES + tile;
}

var<workgroup> inputs: array<vec4f, 32>; // [depth, columns]
var<workgroup> filters: array<vec4f, 8>; // [depth, 4, blocks]

@compute @workgroup_size(4, 2)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) own: vec3u, @builtin(local_invocation_index) me: u32) {
  let g = group.z;
  let row0 = 0u;
  let from0 = index_transformed(g, 0u, min(group.x * 32u + (me + 0u), d.TILES - 1u));
  var v0 = transformed[from0 + min(row0, d.IN - 1u) * d.TILES];
  let row1 = 0u;
  let from1 = index_transformed(g, 0u, min(group.x * 32u + (me + 8u), d.TILES - 1u));
  var v1 = transformed[from1 + min(row1, d.IN - 1u) * d.TILES];
  let row2 = 0u;
  let from2 = index_transformed(g, 0u, min(group.x * 32u + (me + 16u), d.TILES - 1u));
  var v2 = transformed[from2 + min(row2, d.IN - 1u) * d.TILES];
  let row3 = 0u;
  let from3 = index_transformed(g, 0u, min(group.x * 32u + (me + 24u), d.TILES - 1u));
  var v3 = transformed[from3 + min(row3, d.IN - 1u) * d.TILES];
  var weights = index_weight(g, group.y, 0u, me);
  var k0 = load_weight_at(weights + 0u * 8u);
  var a0_0 = vec4f();
  var a0_1 = vec4f();
  var a0_2 = vec4f();
  var a0_3 = vec4f();
  var a0_4 = vec4f();
  var a0_5 = vec4f();
  var a0_6 = vec4f();
  var a0_7 = vec4f();

  for (var step = 1u; step <= d.STEPS; step++) {
    workgroupBarrier();
    inputs[me + 0u * 8u] = v0;
    inputs[me + 1u * 8u] = v1;
    inputs[me + 2u * 8u] = v2;
    inputs[me + 3u * 8u] = v3;
    filters[me + 0u * 8u] = k0;
    workgroupBarrier();
    if (step < d.STEPS) {
      weights += 8u;
      v0 = transformed[from0 + min(step * 1u + row0, d.IN - 1u) * d.TILES];
      v1 = transformed[from1 + min(step * 1u + row1, d.IN - 1u) * d.TILES];
      v2 = transformed[from2 + min(step * 1u + row2, d.IN - 1u) * d.TILES];
      v3 = transformed[from3 + min(step * 1u + row3, d.IN - 1u) * d.TILES];
      k0 = load_weight_at(weights + 0u * 8u);
    }
    {
      let x0 = inputs[own.x + 0u];
      let x1 = inputs[own.x + 4u];
      let x2 = inputs[own.x + 8u];
      let x3 = inputs[own.x + 12u];
      let x4 = inputs[own.x + 16u];
      let x5 = inputs[own.x + 20u];
      let x6 = inputs[own.x + 24u];
      let x7 = inputs[own.x + 28u];
      {
        let w0 = filters[own.y + 0u + 0u * 2u];
        a0_0 += x0.x * w0;
        a0_1 += x1.x * w0;
        a0_2 += x2.x * w0;
        a0_3 += x3.x * w0;
        a0_4 += x4.x * w0;
        a0_5 += x5.x * w0;
        a0_6 += x6.x * w0;
        a0_7 += x7.x * w0;
      }
      {
        let w0 = filters[own.y + 2u + 0u * 2u];
        a0_0 += x0.y * w0;
        a0_1 += x1.y * w0;
        a0_2 += x2.y * w0;
        a0_3 += x3.y * w0;
        a0_4 += x4.y * w0;
        a0_5 += x5.y * w0;
        a0_6 += x6.y * w0;
        a0_7 += x7.y * w0;
      }
      {
        let w0 = filters[own.y + 4u + 0u * 2u];
        a0_0 += x0.z * w0;
        a0_1 += x1.z * w0;
        a0_2 += x2.z * w0;
        a0_3 += x3.z * w0;
        a0_4 += x4.z * w0;
        a0_5 += x5.z * w0;
        a0_6 += x6.z * w0;
        a0_7 += x7.z * w0;
      }
      {
        let w0 = filters[own.y + 6u + 0u * 2u];
        a0_0 += x0.w * w0;
        a0_1 += x1.w * w0;
        a0_2 += x2.w * w0;
        a0_3 += x3.w * w0;
        a0_4 += x4.w * w0;
        a0_5 += x5.w * w0;
        a0_6 += x6.w * w0;
        a0_7 += x7.w * w0;
      }
    }
  }

  let o0 = group.y * 2u + own.y + 0u * 2u;
  if (o0 < d.OUT) {
    let to = index_products(g, o0, 0u);
    let t0 = group.x * 32u + own.x + 0u * 4u;
    if (t0 < d.TILES) { products[to + t0] = a0_0; }
    let t1 = group.x * 32u + own.x + 1u * 4u;
    if (t1 < d.TILES) { products[to + t1] = a0_1; }
    let t2 = group.x * 32u + own.x + 2u * 4u;
    if (t2 < d.TILES) { products[to + t2] = a0_2; }
    let t3 = group.x * 32u + own.x + 3u * 4u;
    if (t3 < d.TILES) { products[to + t3] = a0_3; }
    let t4 = group.x * 32u + own.x + 4u * 4u;
    if (t4 < d.TILES) { products[to + t4] = a0_4; }
    let t5 = group.x * 32u + own.x + 5u * 4u;
    if (t5 < d.TILES) { products[to + t5] = a0_5; }
    let t6 = group.x * 32u + own.x + 6u * 4u;
    if (t6 < d.TILES) { products[to + t6] = a0_6; }
    let t7 = group.x * 32u + own.x + 7u * 4u;
    if (t7 < d.TILES) { products[to + t7] = a0_7; }
  }
}
