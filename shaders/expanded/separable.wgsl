struct Dims {
  N: u32, H: u32, W: u32, O: u32, P: u32, Q: u32, FILL: u32, BLOCKS: u32, X_BLOCK: u32, X_BLOCKS: u32,
  Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> table: array<u32>; // [WORDS]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, O/4, P, Q]

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn store_y(n: u32, b: u32, p: u32, q: u32, value: vec4f) {
  let i = ((n * d.Y_BLOCKS + d.Y_BLOCK + b) * d.P + p) * d.Q + q;
  y[i] = value;
}

fn planeSum(n: u32, b: u32, p: u32, q: u32) -> vec4f {
  let rows = d.O + 1u + p;
  let columns = d.O + d.P + 2u + q;
  var sum = vec4f();
  for (var e = table[rows]; e < table[rows + 1u]; e += 2u) {
    let line = index_x(n, b, table[e], 0u);
    var row = vec4f();
    for (var f = table[columns]; f < table[columns + 1u]; f += 2u) {
      row += bitcast<f32>(table[f + 1u]) * load_x_at(line + table[f]);
    }
    sum += bitcast<f32>(table[e + 1u]) * row;
  }
  return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.P * d.Q) { return; }
  let n = id.z;
  let b = id.y;
  let p = id.x / d.Q;
  let q = id.x % d.Q;

  var value = vec4f();
  for (var lane = 0u; lane < 4u; lane++) {
    let o = b * 4u + lane;
    if (o < d.O) {
      for (var e = table[o]; e < table[o + 1u]; e += 2u) {
        value[lane] += bitcast<f32>(table[e + 1u]) * planeSum(n, table[e] / 4u, p, q)[table[e] % 4u];
      }
    }
  }
  if (d.FILL != 0u) {
    let rows = d.O + 1u + p;
    let columns = d.O + d.P + 2u + q;
    let outside = table[rows] == table[rows + 1u] || table[columns] == table[columns + 1u];
    for (var lane = 0u; lane < 4u; lane++) {
      let o = b * 4u + lane;
      if (o < d.O && (outside || table[o] == table[min(o, d.O - 1u) + 1u])) { value[lane] = bitcast<f32>(d.FILL); }
    }
  }
  store_y(n, b, p, q, value);
}
