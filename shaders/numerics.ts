/**
 * WGSL functions to the accuracy of float32, per lane. WGSL's own may be far off: its sine by 2⁻¹¹, its hyperbolic
 * tangent by 10⁻⁵, its logarithm near 1 by 2⁻²¹, its power by what that makes of large exponents. Each constant is one
 * function, and needs those that its comment names before it.
 *
 * WGSL leaves infinities undefined. Where float64 has an infinity or a NaN, these ask the driver for one, and mostly
 * get it; what they never do is to hide a NaN that they are given.
 */

/** `isNan(v)`, per lane. By its bits, since compilers take `v != v` to be false. */
export const IS_NAN = `
fn isNan(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}`;

/** `logistic(x)` = 1 / (1 + exp(−x)). exp is only taken of what is not positive: WGSL leaves infinities undefined. */
export const LOGISTIC = `
fn logistic(x: vec4f) -> vec4f {
  let t = exp(-abs(x));
  return select(t, vec4f(1.0), x >= vec4f()) / (1.0 + t);
}`;

/** `expTail(r)` = (exp(r) − 1 − r) / r² for |r| ≤ ln 2 / 2. */
export const EXP_TAIL = `
fn expTail(r: vec4f) -> vec4f {
  return 0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r / 5040.0))));
}`;

/**
 * `exponential(x)` = 2ᵏ · exp(r), where r = x − k · ln 2, and ln 2 is taken in two parts, of which the first makes
 * exact products. 2ᵏ is two factors, since k may be beyond the exponents of a float32. Needs `EXP_TAIL`, `IS_NAN`.
 */
export const EXPONENTIAL = `
fn powerOfTwo(k: vec4i) -> vec4f {
  return bitcast<vec4f>((k + 127) << vec4u(23u));
}
fn exponential(x: vec4f) -> vec4f {
  let k = round(clamp(x, vec4f(-104.0), vec4f(89.0)) * 1.442695);
  let r = clamp(x, vec4f(-104.0), vec4f(89.0)) - k * 0.693359375 + k * 2.12194440e-4;
  let near = vec4i(k) / 2;
  let value = (1.0 + r + r * r * expTail(r)) * powerOfTwo(near) * powerOfTwo(vec4i(k) - near);
  return select(value, x, isNan(x));
}`;

/** `expm1(x)` = exp(x) − 1, near 0 without the difference. Needs `EXPONENTIAL`. */
export const EXPM1 = `
fn expm1(x: vec4f) -> vec4f {
  return select(exponential(x) - 1.0, x + x * x * expTail(x), abs(x) < vec4f(0.35));
}`;

/** `artanhTail(q)`: artanh(s) = s · (1 + q · artanhTail(q)) with q = s² ≤ 1/9. No difference in it could cancel. */
export const ARTANH_TAIL = `
fn artanhTail(q: vec4f) -> vec4f {
  let tail = 1.0 / 9.0 + q * (1.0 / 11.0 + q * (1.0 / 13.0 + q / 15.0));
  return 1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * tail));
}`;

/** `log1p(t)` = log(1 + t) for t from 0 to 1, as 2 · artanh(t / (2 + t)). Needs `ARTANH_TAIL`. */
export const LOG1P = `
fn log1p(t: vec4f) -> vec4f {
  let s = t / (2.0 + t);
  return 2.0 * s * (1.0 + s * s * artanhTail(s * s));
}`;

/**
 * `logarithm(x)` = e · ln 2 + log(m), where x = 2ᵉ · m with √½ < m < √2, and log(m) = 2 · artanh((m − 1) / (m + 1)).
 * Of what is no positive normal number, the logarithm of WGSL. Needs `ARTANH_TAIL`.
 */
export const LOGARITHM = `
fn logarithm(x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let e = (bitcast<vec4i>(bits - vec4u(0x3f3504f3u)) >> vec4u(23u));
  let m = bitcast<vec4f>(bits - (bitcast<vec4u>(e) << vec4u(23u)));
  let s = (m - 1.0) / (m + 1.0);
  let k = vec4f(e);
  let value = k * 0.693359375 + (2.0 * s * (1.0 + s * s * artanhTail(s * s)) - k * 2.12194440e-4);
  let normal = bits - vec4u(0x00800000u) < vec4u(0x7f000000u);
  return select(log(x), value, normal);
}`;

/** `hyperbolicTangent(x)`. Needs `EXPM1`. */
export const HYPERBOLIC_TANGENT = `
fn hyperbolicTangent(x: vec4f) -> vec4f {
  let t = expm1(-2.0 * abs(x));
  return select(-t, t, x < vec4f()) / (2.0 + t);
}`;

/** `hyperbolicSine(x)`, near 0 by its series. Needs `EXPONENTIAL`. */
export const HYPERBOLIC_SINE = `
fn hyperbolicSine(x: vec4f) -> vec4f {
  let q = x * x;
  let series = x * (1.0 + q / 6.0 * (1.0 + q / 20.0 * (1.0 + q / 42.0 * (1.0 + q / 72.0))));
  let e = exponential(abs(x));
  let value = 0.5 * e - 0.5 / e;
  return select(select(value, -value, x < vec4f()), series, abs(x) < vec4f(1.0));
}`;

/** `hyperbolicCosine(x)`. Needs `EXPONENTIAL`. */
export const HYPERBOLIC_COSINE = `
fn hyperbolicCosine(x: vec4f) -> vec4f {
  let e = exponential(abs(x));
  return 0.5 * e + 0.5 / e;
}`;

/**
 * `sine(x)` and `cosine(x)`: x = k · π/2 + r, where π/2 is taken in three parts, of which the first makes exact
 * products as long as k has 16 bits; WGSL's own of what is larger. Coefficients: S. L. Moshier, Cephes (sinf).
 */
export const SINE = `
fn circular(x: vec4f, quarters: i32) -> vec4f {
  let k = round(x * 0.63661977);
  let r = x - k * 1.5703125 - k * 4.837512969970703125e-4 - k * 7.54978995489188e-8;
  let q = r * r;
  let odd = r + r * q * (-1.6666654611e-1 + q * (8.3321608736e-3 - q * 1.9515295891e-4));
  let even = 1.0 - 0.5 * q + q * q * (4.166664568298827e-2 + q * (-1.388731625493765e-3 + q * 2.443315711809948e-5));
  let n = vec4i(k) + quarters;
  let value = select(odd, even, (n & vec4i(1)) != vec4i());
  return select(value, -value, (n & vec4i(2)) != vec4i());
}
fn sine(x: vec4f) -> vec4f {
  return select(sin(x), circular(x, 0), abs(x) < vec4f(1e5));
}
fn cosine(x: vec4f) -> vec4f {
  return select(cos(x), circular(x, 1), abs(x) < vec4f(1e5));
}`;

/** `tangent(x)`. Needs `SINE`. */
export const TANGENT = `
fn tangent(x: vec4f) -> vec4f {
  return sine(x) / cosine(x);
}`;

/**
 * `arcSine(x)`; from 1/2 on as π/2 − 2 · arcSine(√((1 − |x|) / 2)). `arcCosine(x)` is as near to 0 as it should be.
 * Coefficients: Cephes (asinf).
 */
export const ARC_SINE = `
fn arcSineNear(x: vec4f) -> vec4f {
  let q = x * x;
  let tail = 4.5470025998e-2 + q * (2.4181311049e-2 + q * 4.2163199048e-2);
  return x + x * q * (1.6666752422e-1 + q * (7.4953002686e-2 + q * tail));
}
fn arcSineFar(x: vec4f) -> vec4f {
  return 2.0 * arcSineNear(sqrt(0.5 * (1.0 - x)));
}
fn arcSine(x: vec4f) -> vec4f {
  let far = 1.57079633 - arcSineFar(abs(x));
  return select(select(far, -far, x < vec4f()), arcSineNear(x), abs(x) <= vec4f(0.5));
}
fn arcCosine(x: vec4f) -> vec4f {
  let far = arcSineFar(abs(x));
  return select(select(far, 3.14159265 - far, x < vec4f()), 1.57079633 - arcSineNear(x), abs(x) <= vec4f(0.5));
}`;

/**
 * `arcTangent(x)`, by arctan |x| = π/4 + arctan((|x| − 1) / (|x| + 1)) = π/2 + arctan(−1 / |x|). Coefficients: Cephes
 * (atanf).
 */
export const ARC_TANGENT = `
fn arcTangent(x: vec4f) -> vec4f {
  let size = abs(x);
  let large = size > vec4f(2.41421356);
  let middle = size > vec4f(0.41421356);
  let t = select(select(size, (size - 1.0) / (size + 1.0), middle), -1.0 / size, large);
  let start = select(select(vec4f(), vec4f(0.785398163), middle), vec4f(1.57079633), large);
  let q = t * t;
  let tail = 1.99777106478e-1 + q * (-1.38776856032e-1 + q * 8.05374449538e-2);
  let value = start + (t + t * q * (-3.33329491539e-1 + q * tail));
  return select(value, -value, x < vec4f());
}`;

/**
 * `arsinh(x)` = ±log(1 + t) with t = |x| + x² / (1 + √(1 + x²)); of large x as log(2 |x|). Needs `LOG1P`, `LOGARITHM`.
 */
export const ARSINH = `
fn logOfOneAnd(t: vec4f) -> vec4f {
  return select(logarithm(1.0 + t), log1p(t), t <= vec4f(1.0));
}
fn arsinh(x: vec4f) -> vec4f {
  let size = abs(x);
  let near = min(size, vec4f(1e9));
  let t = near + near * near / (1.0 + sqrt(1.0 + near * near));
  let value = select(logOfOneAnd(t), logarithm(size) + 0.693147181, !(size < vec4f(1e9)));
  return select(value, -value, x < vec4f());
}`;

/** `arcosh(x)` = log(1 + t) with t = x − 1 + √((x − 1) · (x + 1)). Needs `ARSINH`. */
export const ARCOSH = `
fn arcosh(x: vec4f) -> vec4f {
  let above = min(x, vec4f(1e9)) - 1.0;
  let value = logOfOneAnd(above + sqrt(above * (above + 2.0)));
  return select(value, logarithm(x) + 0.693147181, !(x < vec4f(1e9)));
}`;

/** `artanh(x)` = ±log(1 + t) / 2 with t = 2 |x| / (1 − |x|). Needs `ARSINH`. */
export const ARTANH = `
fn artanh(x: vec4f) -> vec4f {
  let value = 0.5 * logOfOneAnd(2.0 * abs(x) / (1.0 - abs(x)));
  return select(value, -value, x < vec4f());
}`;

/**
 * `erf(x)` and its complement `erfc(x)` = 1 − erf(x), which keeps its digits where it is small. For z = |x|,
 * erfc(z) = exp(−z²) · P(t) · t with t = 1 / (1 + z / 2), to 2·10⁻⁸ for z ≤ 10; below 1, erf(z) = z · Q(z²) to 10⁻⁹.
 * Needs `EXPONENTIAL`.
 *
 * z² is the square of its first 12 bits, which is exact, and a small rest: what z² rounds would count z² times.
 */
export const ERF = `
fn erfcFar(z: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.5 * z);
  let u = t - 0.5;
  let p4 = -0.17202595909 + u * (-0.10296632114 + u * (0.09742481735 + u * (0.04646453123 + u * (-0.06797724570 +
    u * 0.01228387731))));
  let p = 0.51079135671 + u * (0.68716092170 + u * (0.55894311512 + u * (0.14574384982 + u * p4)));
  let head = bitcast<vec4f>(bitcast<vec4u>(z) & vec4u(0xfffff000u));
  let rest = (head - z) * (head + z);
  return exponential(-head * head) * (1.0 + rest * (1.0 + rest * expTail(rest))) * p * t;
}
fn erfNear(x: vec4f) -> vec4f {
  let q = x * x;
  return x * (1.1283791657 + q * (-0.37612625824 + q * (0.11283585144 + q * (-0.02685381178 + q * (0.00518832742 +
    q * (-0.00080101914 + q * 7.8538543e-5))))));
}
fn erfc(x: vec4f) -> vec4f {
  let far = erfcFar(min(abs(x), vec4f(10.0)));
  return select(select(far, 2.0 - far, x < vec4f()), x, isNan(x));
}
fn erf(x: vec4f) -> vec4f {
  let far = 1.0 - erfcFar(min(abs(x), vec4f(10.0)));
  let value = select(select(far, -far, x < vec4f()), erfNear(x), abs(x) < vec4f(1.0));
  return select(value, x, isNan(x));
}`;

/** `normalCdf(x)` = (1 + erf(x / √2)) / 2, without the sum, which would cancel below 0. Needs `ERF`. */
export const NORMAL_CDF = `
fn normalCdf(x: vec4f) -> vec4f {
  return 0.5 * erfc(-0.707106781 * x);
}`;

/**
 * `power(x, p)`: the whole part of |p| by repeated squares, so that a negative x has its sign, and the rest by the
 * logarithm, which is then of little weight. Needs `EXPONENTIAL`, `LOGARITHM`.
 */
export const POWER = `
fn power(x: vec4f, p: vec4f) -> vec4f {
  let size = abs(p);
  let rest = fract(size);
  var value = vec4f(1.0);
  var square = x;
  for (var n = vec4u(min(size, vec4f(16777216.0))); any(n > vec4u()); n >>= vec4u(1u)) {
    value *= select(vec4f(1.0), square, (n & vec4u(1u)) == vec4u(1u));
    square *= select(vec4f(1.0), square, n > vec4u(1u));
  }
  if (any(rest > vec4f())) {
    let root = select(exponential(rest * logarithm(x)), vec4f(), x == vec4f());
    value *= select(vec4f(1.0), root, rest > vec4f());
  }
  return select(value, 1.0 / value, p < vec4f());
}`;
