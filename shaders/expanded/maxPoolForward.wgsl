struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, BLOCKS: u32, WORDS: u32, X_BLOCK: u32, X_BLOCKS: u32,
  Y_BLOCK: u32, Y_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, P, Q]
@group(0) @binding(3) var<storage, read_write> switches: array<u32>; // [N, C/4, P, WORDS]

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

fn store_switches(n: u32, b: u32, p: u32, word: u32, value: u32) {
  let i = ((n * d.BLOCKS + b) * d.P + p) * d.WORDS + word;
  switches[i] = value;
}

const INFINITE = 0x7f800000u;
fn magnitude(v: vec4f) -> vec4u {
  return bitcast<vec4u>(v) & vec4u(0x7fffffffu);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.P * d.WORDS) { return; }
  let n = id.z;
  let b = id.y;
  let p = id.x / d.WORDS;
  let word = id.x % d.WORDS;

  let plane = index_x(n, b, 0u, 0u);
  var codes = 0u;
  for (var k = 0u; k < 2u; k++) {
    let q = word * 2u + k;
    if (q >= d.Q) { break; }
    var best = vec4f();
    var largest = vec4u();
    var winner = vec4u();
    var first = true;
    for (var r = 0u; r < d.R; r++) {
      let h = p * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
      if (h >= d.H) { continue; }
      for (var s = 0u; s < d.S; s++) {
        let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
        if (w >= d.W) { continue; }
        let value = load_x_at(plane + h * d.W + w);
        let wins = (value > best) | vec4<bool>(first);
        best = select(best, value, wins);
        winner = select(winner, vec4u(r * d.S + s), wins);
        largest = max(largest, magnitude(value));
        first = false;
      }
    }
    winner = select(winner, vec4u(15u), best <= vec4f());
    // what overflowed wins
    store_y(n, b, p, q, select(best, bitcast<vec4f>(largest), largest >= vec4u(INFINITE)));
    let code = winner << vec4u(0u, 4u, 8u, 12u);
    codes |= (code.x | code.y | code.z | code.w) << (k * 16u % 32u);
  }
  store_switches(n, b, p, word, codes);
}
