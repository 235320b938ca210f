struct Dims {
  N: u32, H: u32, W: u32, C: u32, BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> targets: array<vec4u>; // [N]
@group(0) @binding(3) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(4) var<uniform> rule: Rule;

fn index_x(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.BLOCKS + b) * d.H + h) * d.W + w;
}

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.BLOCKS + b) * d.H + h) * d.W + w;
  return x[i];
}

fn load_targets(n: u32) -> vec4u {
  let i = n;
  return targets[i];
}

fn index_dX(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.BLOCKS + b) * d.H + h) * d.W + w;
}

fn isLive(n: u32, b: u32, h: u32, w: u32) -> vec4<bool> {
  return vec4<bool>(true);
}

fn storeGradient(n: u32, b: u32, h: u32, w: u32, g: vec4f) {
  let i = index_dX(n, b, h, w);
  let sum = g;
  dX[i] = sum;
}
fn channelsOf(b: u32) -> vec4u {
  return vec4u(4u * b) + vec4u(0u, 1u, 2u, 3u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  let chosen = load_targets(n);
  let here = (chosen.y == h || chosen.y == 4294967295u) && (chosen.z == w || chosen.z == 4294967295u);
  let channels = channelsOf(b);
  var value = select(vec4f(), vec4f(1.0), (channels == vec4u(chosen.x)) & vec4<bool>(here));

  if (rule.probability == 2u) {
    let e = exp(-abs(load_x(n, b, h, w)));
    value *= e / ((1.0 + e) * (1.0 + e));
  }
  if (rule.probability == 1u) {
    let scores = index_x(n, 0u, 0u, 0u);
    var largest = x[scores].x;
    for (var c = 0u; c < d.C; c++) { largest = max(largest, x[scores + c / 4u][c % 4u]); }
    var others = 0.0;
    for (var c = 0u; c < d.C; c++) {
      if (c != chosen.x) { others += exp(x[scores + c / 4u][c % 4u] - largest); }
    }
    let own = exp(x[scores + chosen.x / 4u][chosen.x % 4u] - largest);
    let sum = own + others;
    let p = exp(x[scores + b] - vec4f(largest)) / sum;
    let factor = select(-p, vec4f(others / sum), channels == vec4u(chosen.x));
    value = select(vec4f(), own / sum * factor, channels < vec4u(d.C));
  }

  storeGradient(n, b, h, w, value);
}
