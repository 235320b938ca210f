/** Colour models: mixtures of Gaussians with full covariances over RGB, by k-means++ and expectation–maximisation. */
import { GradlensError } from '../errors';
import { uniform } from '../random';

/** p(x) = Σ_k weight_k · N(x; mean_k, covariance_k) */
export interface GaussianMixture {
  readonly components: readonly Gaussian[];
}

export interface Gaussian {
  readonly weight: number;
  readonly mean: readonly [r: number, g: number, b: number];
  readonly covariance: readonly [rr: number, rg: number, rb: number, gg: number, gb: number, bb: number];
}

export interface MixtureOptions {
  /** Components at most; fewer where there are fewer colours, or where one dies out. Default 5. */
  readonly components?: number;
  /** Seed for drawing the first means. Default 1. */
  readonly seed?: number;
  /** Added to each variance, so that a single colour has a density too; default 1, for bytes about their rounding. */
  readonly variance?: number;
  /** Of expectation–maximisation, at most; default 30. It ends when the likelihood of a colour gains less than 1e-4. */
  readonly iterations?: number;
}

/**
 * Fits a mixture to colours, `[n × 3]`. The same colours and seed give the same mixture.
 *
 * @throws GradlensError `shape` for no colours at all
 */
export function fitMixture(colours: ArrayLike<number>, options: MixtureOptions = {}): GaussianMixture {
  const { components: K = 5, seed = 1, variance = 1, iterations = 30 } = options;
  const n = colours.length / 3;
  if (n < 1) throw new GradlensError('shape', 'a mixture takes colours, and there are none');

  let mixture = maximise(clusters(colours, K, uniform(seed)), n, variance);
  let last = -Infinity;
  for (let i = 0; i < iterations; i++) {
    const { moments, logLikelihood } = expect(mixture, colours);
    mixture = maximise(moments, n, variance);
    if (!(logLikelihood - last > GAIN * n)) break;
    last = logLikelihood;
  }
  return mixture;
}

/** log p of each colour. It is finite for all finite colours. */
export function logDensities(mixture: GaussianMixture, colours: ArrayLike<number>): Float64Array {
  const packed = pack(mixture);
  const terms = new Float64Array(mixture.components.length);
  const logs = new Float64Array(colours.length / 3);
  for (let i = 0; i < logs.length; i++)
    logs[i] = logDensity(packed, colours[3 * i]!, colours[3 * i + 1]!, colours[3 * i + 2]!, terms);
  return logs;
}

const GAIN = 1e-4;
/** A component with less than half a colour is dropped: the others explain it. */
const LEAST = 0.5;

/** Σr, Σr·x and Σr·x·xᵀ of one component, r being its share of each colour. */
const MOMENTS = 10;

/** Mixture from moments. Covariances are positive definite, whatever the colours: `variance` is on each diagonal. */
function maximise(moments: Float64Array, n: number, variance: number): GaussianMixture {
  const components: Gaussian[] = [];
  for (let at = 0; at < moments.length; at += MOMENTS) {
    const share = moments[at]!;
    if (!(share >= LEAST)) continue;
    const [r, g, b, rr, rg, rb, gg, gb, bb] = Array.from(
      moments.subarray(at + 1, at + MOMENTS),
      (sum) => sum / share,
    ) as [number, number, number, number, number, number, number, number, number];
    // a variance cannot be negative, but for rounding
    components.push({
      weight: share / n,
      mean: [r, g, b],
      covariance: [
        Math.max(rr - r * r, 0) + variance,
        rg - r * g,
        rb - r * b,
        Math.max(gg - g * g, 0) + variance,
        gb - g * b,
        Math.max(bb - b * b, 0) + variance,
      ],
    });
  }
  const total = components.reduce((sum, { weight }) => sum + weight, 0); // below 1 if one was dropped
  return { components: components.map((component) => ({ ...component, weight: component.weight / total })) };
}

/** The components' shares of each colour, as moments, and Σ log p. */
function expect(
  mixture: GaussianMixture,
  colours: ArrayLike<number>,
): { moments: Float64Array; logLikelihood: number } {
  const K = mixture.components.length;
  const packed = pack(mixture);
  const moments = new Float64Array(K * MOMENTS);
  const terms = new Float64Array(K);
  let logLikelihood = 0;
  for (let i = 0; i < colours.length; i += 3) {
    const [r, g, b] = [colours[i]!, colours[i + 1]!, colours[i + 2]!];
    const log = logDensity(packed, r, g, b, terms);
    logLikelihood += log;
    for (let k = 0; k < K; k++) addMoments(moments, k, Math.exp(terms[k]! - log), r, g, b);
  }
  return { moments, logLikelihood };
}

function addMoments(moments: Float64Array, k: number, share: number, r: number, g: number, b: number): void {
  const at = k * MOMENTS;
  moments[at]! += share;
  moments[at + 1]! += share * r;
  moments[at + 2]! += share * g;
  moments[at + 3]! += share * b;
  moments[at + 4]! += share * r * r;
  moments[at + 5]! += share * r * g;
  moments[at + 6]! += share * r * b;
  moments[at + 7]! += share * g * g;
  moments[at + 8]! += share * g * b;
  moments[at + 9]! += share * b * b;
}

// ——— densities ———

/**
 * Per component: the logarithm of its largest density, its mean, and the inverse of its covariance's Cholesky factor.
 */
const PACKED = 10;

function pack({ components }: GaussianMixture): Float64Array {
  return Float64Array.from(
    components.flatMap(({ weight, mean, covariance: [rr, rg, rb, gg, gb, bb] }) => {
      const l00 = Math.sqrt(rr);
      const [l10, l20] = [rg / l00, rb / l00];
      const l11 = Math.sqrt(gg - l10 * l10);
      const l21 = (gb - l20 * l10) / l11;
      const l22 = Math.sqrt(bb - l20 * l20 - l21 * l21);
      return [
        Math.log(weight) - Math.log(l00 * l11 * l22) - 1.5 * Math.log(2 * Math.PI),
        ...mean,
        1 / l00,
        -l10 / (l00 * l11),
        1 / l11,
        (l10 * l21 - l20 * l11) / (l00 * l11 * l22),
        -l21 / (l11 * l22),
        1 / l22,
      ];
    }),
  );
}

/** log p of a colour; in `terms` the logarithm of each component's part. */
function logDensity(packed: Float64Array, r: number, g: number, b: number, terms: Float64Array): number {
  let largest = -Infinity;
  for (let k = 0; k < terms.length; k++) {
    const at = k * PACKED;
    const [x, y, z] = [r - packed[at + 1]!, g - packed[at + 2]!, b - packed[at + 3]!];
    const u = packed[at + 4]! * x;
    const v = packed[at + 5]! * x + packed[at + 6]! * y;
    const w = packed[at + 7]! * x + packed[at + 8]! * y + packed[at + 9]! * z;
    const term = packed[at]! - (u * u + v * v + w * w) / 2;
    terms[k] = term;
    if (term > largest) largest = term;
  }
  let sum = 0;
  for (let k = 0; k < terms.length; k++) sum += Math.exp(terms[k]! - largest);
  return largest + Math.log(sum);
}

// ——— the start ———

/**
 * Rounds of k-means: enough for it to come to rest on small pictures. They buy little, since expectation–maximisation
 * follows. Over our six samples at 90×90 pixels and five seeds, the mean log density of a colour ends at −11.16 after
 * one round, −11.15 after ten and −11.14 after twenty; on single pictures each of them is now ahead and now behind, and
 * ten take a tenth more time than one. Ten are kept because another number gives other masks, and none better ones.
 */
const ROUNDS = 10;

/** Moments of clusters: first means by k-means++, then some rounds of k-means. */
function clusters(colours: ArrayLike<number>, K: number, random: () => number): Float64Array {
  const means = firstMeans(colours, K, random);
  let moments = nearestMoments(colours, means);
  for (let round = 1; round < ROUNDS; round++) {
    for (let k = 0; k < means.length / 3; k++) {
      const share = moments[k * MOMENTS]!;
      for (let c = 0; c < 3 && share > 0; c++) means[3 * k + c] = moments[k * MOMENTS + 1 + c]! / share;
    }
    moments = nearestMoments(colours, means);
  }
  return moments;
}

/**
 * k-means++ (Arthur & Vassilvitskii 2007): colours drawn one after the other, each with a chance that grows with its
 * squared distance to the nearest one drawn before. At most K, and no more than there are different colours.
 */
function firstMeans(colours: ArrayLike<number>, K: number, random: () => number): number[] {
  const n = colours.length / 3;
  const means: number[] = [];
  const take = (i: number): void => void means.push(colours[3 * i]!, colours[3 * i + 1]!, colours[3 * i + 2]!);
  take(Math.min(Math.floor(random() * n), n - 1));
  const nearest = new Float64Array(n).fill(Infinity);
  for (;;) {
    let total = 0;
    for (let i = 0; i < n; i++) {
      nearest[i] = Math.min(nearest[i]!, squaredDistance(colours, i, means, means.length / 3 - 1));
      total += nearest[i]!;
    }
    if (means.length / 3 >= K || !(total > 0)) return means; // as many as wanted, or as there are colours
    let left = random() * total;
    let chosen = 0;
    for (let i = 0; i < n; i++) {
      if (!(nearest[i]! > 0)) continue;
      chosen = i;
      if ((left -= nearest[i]!) <= 0) break;
    }
    take(chosen);
  }
}

/** The moments of the colours that are nearest to each mean. */
function nearestMoments(colours: ArrayLike<number>, means: readonly number[]): Float64Array {
  const count = means.length / 3;
  const moments = new Float64Array(count * MOMENTS);
  for (let i = 0; i < colours.length / 3; i++) {
    let [best, least] = [0, Infinity];
    for (let k = 0; k < count; k++) {
      const distance = squaredDistance(colours, i, means, k);
      if (distance < least) [best, least] = [k, distance];
    }
    addMoments(moments, best, 1, colours[3 * i]!, colours[3 * i + 1]!, colours[3 * i + 2]!);
  }
  return moments;
}

function squaredDistance(colours: ArrayLike<number>, i: number, means: readonly number[], k: number): number {
  const [x, y, z] = [
    colours[3 * i]! - means[3 * k]!,
    colours[3 * i + 1]! - means[3 * k + 1]!,
    colours[3 * i + 2]! - means[3 * k + 2]!,
  ];
  return x * x + y * y + z * z;
}
