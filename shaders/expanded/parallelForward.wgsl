struct Dims {
  N: u32, H: u32, W: u32, IN: u32, OUT: u32, FIRST: u32, ROWS: u32, SPAN: u32, FIRST_SPAN: u32, SPANS: u32,
  X_BLOCK: u32, X_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [ROWS, 4, OUT]
@group(0) @binding(3) var<storage, read_write> partial: array<vec4f>; // [SPANS, N, OUT]

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_x_at(i: u32) -> vec4f {
  return x[i];
}

fn index_weight(row: u32, lane: u32, out: u32) -> u32 {
  return (row * 4u + lane) * d.OUT + out;
}

fn load_weight_at(i: u32) -> vec4f {
  return weight[i];
}

fn store_partial(span: u32, n: u32, out: u32, value: vec4f) {
  let i = (span * d.N + n) * d.OUT + out;
  partial[i] = value;
}

fn store(span: u32, n: u32, o: u32, sum: vec4f) {
  store_partial(span, n, o, sum);
}

var<workgroup> parts: array<vec4f, 256>; // [parts, columns]

@compute @workgroup_size(64, 4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) own: vec3u, @builtin(local_invocation_index) me: u32) {
  let column = group.x * 64u + own.x;
  let o = min(column, d.OUT - 1u);
  let begin = group.y * d.SPAN;
  let end = min(begin + d.SPAN, d.ROWS);
  let first = group.z * 2u;
  let at0 = index_x(min(first + 0u, d.N - 1u), 0u, 0u, 0u) + d.FIRST;
  var sum0 = vec4f();
  let at1 = index_x(min(first + 1u, d.N - 1u), 0u, 0u, 0u) + d.FIRST;
  var sum1 = vec4f();
  for (var i = begin + own.y; i < end; i += 4u) {
    let row = index_weight(i, 0u, o);
    let v0 = load_x_at(at0 + i);
    let v1 = load_x_at(at1 + i);

    if (v0.x != 0.0 || v1.x != 0.0) {
      let w = load_weight_at(row + 0u * d.OUT);
      sum0 += w * v0.x;
      sum1 += w * v1.x;
    }
    if (v0.y != 0.0 || v1.y != 0.0) {
      let w = load_weight_at(row + 1u * d.OUT);
      sum0 += w * v0.y;
      sum1 += w * v1.y;
    }
    if (v0.z != 0.0 || v1.z != 0.0) {
      let w = load_weight_at(row + 2u * d.OUT);
      sum0 += w * v0.z;
      sum1 += w * v1.z;
    }
    if (v0.w != 0.0 || v1.w != 0.0) {
      let w = load_weight_at(row + 3u * d.OUT);
      sum0 += w * v0.w;
      sum1 += w * v1.w;
    }
  }
  parts[me] = sum0;
  workgroupBarrier();
  if (own.y == 0u && column < d.OUT && first + 0u < d.N) {
    let sum = parts[own.x + 0u * 64u] + parts[own.x + 1u * 64u] + parts[own.x + 2u * 64u] + parts[own.x + 3u * 64u];
    store(d.FIRST_SPAN + group.y, first + 0u, o, sum);
  }
  workgroupBarrier();
  parts[me] = sum1;
  workgroupBarrier();
  if (own.y == 0u && column < d.OUT && first + 1u < d.N) {
    let sum = parts[own.x + 0u * 64u] + parts[own.x + 1u * 64u] + parts[own.x + 2u * 64u] + parts[own.x + 3u * 64u];
    store(d.FIRST_SPAN + group.y, first + 1u, o, sum);
  }
  workgroupBarrier();
}
