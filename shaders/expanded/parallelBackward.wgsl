struct Dims {
  N: u32, H: u32, W: u32, IN: u32, OUT: u32, FIRST: u32, ROWS: u32, DX_BLOCK: u32, DX_BLOCKS: u32,
  DY_BLOCK: u32, DY_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, O/4]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [ROWS, 4, OUT]
@group(0) @binding(3) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(4) var<storage, read> bits: array<u32>; // [N, C/4, H, W/8]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(5) var<uniform> rule: Rule;

fn index_dY(n: u32, b: u32) -> u32 {
  return n * d.DY_BLOCKS + d.DY_BLOCK + b;
}

fn index_weight(row: u32, lane: u32, out: u32) -> u32 {
  return (row * 4u + lane) * d.OUT + out;
}

fn load_weight_at(i: u32) -> vec4f {
  return weight[i];
}

fn index_dX(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * d.W + w;
}

fn load_bits(n: u32, b: u32, h: u32, strip: u32) -> u32 {
  let i = ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * ((d.W + 7u) / 8u) + strip;
  return bits[i];
}

// which of a pixel's four bits are set
fn lit(bits: u32) -> vec4<bool> {
  return (vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
}
fn bitsAt(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return load_bits(n, b, h, w / 8u) >> (w % 8u * 4u);
}

fn overflowed(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}
fn gated(g: vec4f, live: vec4<bool>) -> vec4f {
  let kept = (g > vec4f()) | vec4<bool>(rule.testGradient == 0u) | overflowed(g);
  return select(vec4f(), g, live & kept);
}

fn isLive(n: u32, b: u32, h: u32, w: u32) -> vec4<bool> {
  return lit(bitsAt(n, b, h, w)) | vec4<bool>(rule.ignoreInput != 0u);
}

fn storeGradient(n: u32, b: u32, h: u32, w: u32, g: vec4f) {
  let i = index_dX(n, b, h, w);
  let sum = dX[i] + g;
  dX[i] = gated(sum, isLive(n, b, h, w));
}

var<workgroup> parts: array<vec4f, 128>; // [items, columns]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let offset = group.y * 65535u + group.x;
  if (offset >= d.ROWS) { return; }

  let i = d.FIRST + offset;
  let pixel = i % (d.H * d.W);
  let h = pixel / d.W;
  let w = pixel % d.W;
  let b = i / (d.H * d.W);
  let first = group.z * 2u;
  let row = index_weight(offset, 0u, 0u);
  let at0 = index_dY(min(first + 0u, d.N - 1u), 0u);
  var sum0 = vec4f();
  let at1 = index_dY(min(first + 1u, d.N - 1u), 0u);
  var sum1 = vec4f();
  let wanted = isLive(min(first + 0u, d.N - 1u), b, h, w) | isLive(min(first + 1u, d.N - 1u), b, h, w);
  for (var o = me; o < d.OUT; o += 64u) {
    let v0 = dY[at0 + o];
    let v1 = dY[at1 + o];

    if (wanted.x) {
      let w = load_weight_at(row + 0u * d.OUT + o);
      sum0.x += dot(w, v0);
      sum1.x += dot(w, v1);
    }
    if (wanted.y) {
      let w = load_weight_at(row + 1u * d.OUT + o);
      sum0.y += dot(w, v0);
      sum1.y += dot(w, v1);
    }
    if (wanted.z) {
      let w = load_weight_at(row + 2u * d.OUT + o);
      sum0.z += dot(w, v0);
      sum1.z += dot(w, v1);
    }
    if (wanted.w) {
      let w = load_weight_at(row + 3u * d.OUT + o);
      sum0.w += dot(w, v0);
      sum1.w += dot(w, v1);
    }
  }
  parts[me + 0u * 64u] = sum0;
  parts[me + 1u * 64u] = sum1;
  workgroupBarrier();

  if (me < 32u) {
    parts[me + 0u * 64u] += parts[me + 0u * 64u + 32u];
    parts[me + 1u * 64u] += parts[me + 1u * 64u + 32u];
  }
  workgroupBarrier();

  if (me < 16u) {
    parts[me + 0u * 64u] += parts[me + 0u * 64u + 16u];
    parts[me + 1u * 64u] += parts[me + 1u * 64u + 16u];
  }
  workgroupBarrier();

  if (me < 8u) {
    parts[me + 0u * 64u] += parts[me + 0u * 64u + 8u];
    parts[me + 1u * 64u] += parts[me + 1u * 64u + 8u];
  }
  workgroupBarrier();

  if (me < 4u) {
    parts[me + 0u * 64u] += parts[me + 0u * 64u + 4u];
    parts[me + 1u * 64u] += parts[me + 1u * 64u + 4u];
  }
  workgroupBarrier();

  if (me < 2u) {
    parts[me + 0u * 64u] += parts[me + 0u * 64u + 2u];
    parts[me + 1u * 64u] += parts[me + 1u * 64u + 2u];
  }
  workgroupBarrier();

  if (me < 1u) {
    parts[me + 0u * 64u] += parts[me + 0u * 64u + 1u];
    parts[me + 1u * 64u] += parts[me + 1u * 64u + 1u];
  }
  workgroupBarrier();
  if (me < min(2u, d.N - first)) { storeGradient(first + me, b, h, w, parts[me * 64u]); }
}
