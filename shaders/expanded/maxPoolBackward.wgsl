struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, BLOCKS: u32, WORDS: u32, DX_BLOCK: u32, DX_BLOCKS: u32,
  DY_BLOCK: u32, DY_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(2) var<storage, read> switches: array<u32>; // [N, C/4, P, WORDS]
@group(0) @binding(3) var<storage, read_write> dX: array<vec4f>; // [N, C/4, H, W]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(4) var<uniform> rule: Rule;

fn load_dY(n: u32, b: u32, p: u32, q: u32) -> vec4f {
  let i = ((n * d.DY_BLOCKS + d.DY_BLOCK + b) * d.P + p) * d.Q + q;
  return dY[i];
}

fn load_switches(n: u32, b: u32, p: u32, word: u32) -> u32 {
  let i = ((n * d.BLOCKS + b) * d.P + p) * d.WORDS + word;
  return switches[i];
}

fn index_dX(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.DX_BLOCKS + d.DX_BLOCK + b) * d.H + h) * d.W + w;
}

fn overflowed(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}
fn gated(g: vec4f, live: vec4<bool>) -> vec4f {
  let kept = (g > vec4f()) | vec4<bool>(rule.testGradient == 0u) | overflowed(g);
  return select(vec4f(), g, live & kept);
}

fn isLive(n: u32, b: u32, h: u32, w: u32) -> vec4<bool> {
  return vec4<bool>(true);
}

fn storeGradient(n: u32, b: u32, h: u32, w: u32, g: vec4f) {
  let i = index_dX(n, b, h, w);
  let sum = g;
  dX[i] = gated(sum, isLive(n, b, h, w));
}

fn firstOutput(at: u32, span: u32, stride: u32) -> u32 {
  return select(0u, (at - span) / stride + 1u, at >= span);
}

// first tap of the window of output p that lies past the padding
fn firstTap(p: u32, stride: u32, pad: u32, dilation: u32) -> u32 {
  let start = p * stride;
  return select(0u, (pad - start + dilation - 1u) / dilation, start < pad);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W;
  let w = id.x % d.W;

  var sum = vec4f();
  let y = h + d.PAD_TOP;
  let x = w + d.PAD_LEFT;
  let firstP = firstOutput(y, (d.R - 1u) * d.DILATION_Y + 1u, d.STRIDE_Y);
  let firstQ = firstOutput(x, (d.S - 1u) * d.DILATION_X + 1u, d.STRIDE_X);
  for (var p = firstP; p < d.P && p * d.STRIDE_Y <= y; p++) {
    let down = y - p * d.STRIDE_Y;
    if (down % d.DILATION_Y != 0u) { continue; }
    let r = down / d.DILATION_Y;
    for (var q = firstQ; q < d.Q && q * d.STRIDE_X <= x; q++) {
      let along = x - q * d.STRIDE_X;
      if (along % d.DILATION_X != 0u) { continue; }
      let s = along / d.DILATION_X;
      let word = load_switches(n, b, p, q / 2u) >> (q % 2u * 16u);
      var winner = (vec4u(word) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u);
      let dead = (winner == vec4u(15u)) & vec4<bool>(rule.ignoreInput != 0u);
      let first = firstTap(p, d.STRIDE_Y, d.PAD_TOP, d.DILATION_Y) * d.S + firstTap(q, d.STRIDE_X, d.PAD_LEFT, d.DILATION_X);
      winner = select(winner, vec4u(first), dead);
      sum += select(vec4f(), load_dY(n, b, p, q), winner == vec4u(r * d.S + s));
    }
  }
  storeGradient(n, b, h, w, sum);
}
