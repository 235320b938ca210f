struct Dims {
  ACROSS: u32, N_0: u32, H_0: u32, W_0: u32, P_0: u32, Q_0: u32, R_0: u32, S_0: u32, STRIDE_Y_0: u32,
  STRIDE_X_0: u32, PAD_TOP_0: u32, PAD_LEFT_0: u32, DILATION_Y_0: u32, DILATION_X_0: u32, BLOCKS_0: u32,
  WORDS_0: u32, DX_BLOCK_0: u32, DX_BLOCKS_0: u32, DY_BLOCK_0: u32, DY_BLOCKS_0: u32, GRID_X_0: u32,
  GRID_Y_0: u32, END_0: u32, N_1: u32, H_1: u32, W_1: u32, P_1: u32, Q_1: u32, R_1: u32, S_1: u32,
  STRIDE_Y_1: u32, STRIDE_X_1: u32, PAD_TOP_1: u32, PAD_LEFT_1: u32, DILATION_Y_1: u32, DILATION_X_1: u32,
  BLOCKS_1: u32, PADDED_H_1: u32, PADDED_W_1: u32, COUNT_PADDING_1: u32, DX_BLOCK_1: u32, DX_BLOCKS_1: u32,
  DY_BLOCK_1: u32, DY_BLOCKS_1: u32, GRID_X_1: u32, GRID_Y_1: u32, END_1: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> dY_0: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(2) var<storage, read> switches_0: array<u32>; // [N, C/4, P, WORDS]
@group(0) @binding(3) var<storage, read_write> dX_0: array<vec4f>; // [N, C/4, H, W]
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(4) var<uniform> rule: Rule;
@group(0) @binding(5) var<storage, read> dY_1: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(6) var<storage, read_write> dX_1: array<vec4f>; // [N, C/4, H, W]

fn load_dY_of0(n: u32, b: u32, p: u32, q: u32) -> vec4f {
  let i = ((n * d.DY_BLOCKS_0 + d.DY_BLOCK_0 + b) * d.P_0 + p) * d.Q_0 + q;
  return dY_0[i];
}

fn load_switches_of0(n: u32, b: u32, p: u32, word: u32) -> u32 {
  let i = ((n * d.BLOCKS_0 + b) * d.P_0 + p) * d.WORDS_0 + word;
  return switches_0[i];
}

fn index_dX_of0(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.DX_BLOCKS_0 + d.DX_BLOCK_0 + b) * d.H_0 + h) * d.W_0 + w;
}

fn overflowed_of0(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}
fn gated_of0(g: vec4f, live: vec4<bool>) -> vec4f {
  let kept = (g > vec4f()) | vec4<bool>(rule.testGradient == 0u) | overflowed_of0(g);
  return select(vec4f(), g, live & kept);
}

fn isLive_of0(n: u32, b: u32, h: u32, w: u32) -> vec4<bool> {
  return vec4<bool>(true);
}

fn storeGradient_of0(n: u32, b: u32, h: u32, w: u32, g: vec4f) {
  let i = index_dX_of0(n, b, h, w);
  let sum = g;
  dX_0[i] = gated_of0(sum, isLive_of0(n, b, h, w));
}

fn firstOutput_of0(at: u32, span: u32, stride: u32) -> u32 {
  return select(0u, (at - span) / stride + 1u, at >= span);
}

// first tap of the window of output p that lies past the padding
fn firstTap_of0(p: u32, stride: u32, pad: u32, dilation: u32) -> u32 {
  let start = p * stride;
  return select(0u, (pad - start + dilation - 1u) / dilation, start < pad);
}

fn main_of0(id: vec3u) {
  if (id.x >= d.H_0 * d.W_0) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W_0;
  let w = id.x % d.W_0;

  var sum = vec4f();
  let y = h + d.PAD_TOP_0;
  let x = w + d.PAD_LEFT_0;
  let firstP = firstOutput_of0(y, (d.R_0 - 1u) * d.DILATION_Y_0 + 1u, d.STRIDE_Y_0);
  let firstQ = firstOutput_of0(x, (d.S_0 - 1u) * d.DILATION_X_0 + 1u, d.STRIDE_X_0);
  for (var p = firstP; p < d.P_0 && p * d.STRIDE_Y_0 <= y; p++) {
    let down = y - p * d.STRIDE_Y_0;
    if (down % d.DILATION_Y_0 != 0u) { continue; }
    let r = down / d.DILATION_Y_0;
    for (var q = firstQ; q < d.Q_0 && q * d.STRIDE_X_0 <= x; q++) {
      let along = x - q * d.STRIDE_X_0;
      if (along % d.DILATION_X_0 != 0u) { continue; }
      let s = along / d.DILATION_X_0;
      let word = load_switches_of0(n, b, p, q / 2u) >> (q % 2u * 16u);
      var winner = (vec4u(word) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u);
      let dead = (winner == vec4u(15u)) & vec4<bool>(rule.ignoreInput != 0u);
      let first = firstTap_of0(p, d.STRIDE_Y_0, d.PAD_TOP_0, d.DILATION_Y_0) * d.S_0 + firstTap_of0(q, d.STRIDE_X_0, d.PAD_LEFT_0, d.DILATION_X_0);
      winner = select(winner, vec4u(first), dead);
      sum += select(vec4f(), load_dY_of0(n, b, p, q), winner == vec4u(r * d.S_0 + s));
    }
  }
  storeGradient_of0(n, b, h, w, sum);
}

fn load_dY_of1(n: u32, b: u32, p: u32, q: u32) -> vec4f {
  let i = ((n * d.DY_BLOCKS_1 + d.DY_BLOCK_1 + b) * d.P_1 + p) * d.Q_1 + q;
  return dY_1[i];
}

fn index_dX_of1(n: u32, b: u32, h: u32, w: u32) -> u32 {
  return ((n * d.DX_BLOCKS_1 + d.DX_BLOCK_1 + b) * d.H_1 + h) * d.W_1 + w;
}

fn isLive_of1(n: u32, b: u32, h: u32, w: u32) -> vec4<bool> {
  return vec4<bool>(true);
}

fn storeGradient_of1(n: u32, b: u32, h: u32, w: u32, g: vec4f) {
  let i = index_dX_of1(n, b, h, w);
  let sum = g;
  dX_1[i] = sum;
}
fn firstOutput_of1(at: u32, span: u32, stride: u32) -> u32 {
  return select(0u, (at - span) / stride + 1u, at >= span);
}
// those that lie before position `end` of the padded input
fn before_of1(end: u32, begin: u32, taps: u32, dilation: u32) -> u32 {
  return select(0u, min(taps, (end - begin + dilation - 1u) / dilation), end > begin);
}
fn count_of1(p: u32, taps: u32, stride: u32, pad: u32, dilation: u32, extent: u32, padded: u32) -> u32 {
  let begin = p * stride;
  if (d.COUNT_PADDING_1 == 1u) { return before_of1(padded, begin, taps, dilation); }
  return before_of1(pad + extent, begin, taps, dilation) - before_of1(pad, begin, taps, dilation);
}
fn tapWeight_of1(p: u32, q: u32) -> f32 {
  let rows = count_of1(p, d.R_1, d.STRIDE_Y_1, d.PAD_TOP_1, d.DILATION_Y_1, d.H_1, d.PADDED_H_1);
  let columns = count_of1(q, d.S_1, d.STRIDE_X_1, d.PAD_LEFT_1, d.DILATION_X_1, d.W_1, d.PADDED_W_1);
  return 1.0 / f32(rows * columns);
}

fn main_of1(id: vec3u) {
  if (id.x >= d.H_1 * d.W_1) { return; }
  let n = id.z;
  let b = id.y;
  let h = id.x / d.W_1;
  let w = id.x % d.W_1;

  var sum = vec4f();
  let y = h + d.PAD_TOP_1;
  let x = w + d.PAD_LEFT_1;
  let firstP = firstOutput_of1(y, (d.R_1 - 1u) * d.DILATION_Y_1 + 1u, d.STRIDE_Y_1);
  let firstQ = firstOutput_of1(x, (d.S_1 - 1u) * d.DILATION_X_1 + 1u, d.STRIDE_X_1);
  for (var p = firstP; p < d.P_1 && p * d.STRIDE_Y_1 <= y; p++) {
    let down = y - p * d.STRIDE_Y_1;
    if (down % d.DILATION_Y_1 != 0u) { continue; }
    let r = down / d.DILATION_Y_1;
    for (var q = firstQ; q < d.Q_1 && q * d.STRIDE_X_1 <= x; q++) {
      let along = x - q * d.STRIDE_X_1;
      if (along % d.DILATION_X_1 != 0u) { continue; }
      let s = along / d.DILATION_X_1;
      sum += load_dY_of1(n, b, p, q) * tapWeight_of1(p, q);
    }
  }
  storeGradient_of1(n, b, h, w, sum);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let number = group.y * d.ACROSS + group.x;
  if (number < d.END_0) {
    let own0 = number - 0u;
    let row0 = own0 / d.GRID_X_0;
    let at = vec3u(own0 % d.GRID_X_0, row0 % d.GRID_Y_0, row0 / d.GRID_Y_0);
    main_of0(at * vec3u(64u, 1u, 1u) + vec3u(me, 0u, 0u));
  } else if (number < d.END_1) {
    let own1 = number - d.END_0;
    let row1 = own1 / d.GRID_X_1;
    let at = vec3u(own1 % d.GRID_X_1, row1 % d.GRID_Y_1, row1 / d.GRID_Y_1);
    main_of1(at * vec3u(64u, 1u, 1u) + vec3u(me, 0u, 0u));
  }
}
