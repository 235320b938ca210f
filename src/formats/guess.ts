/**
 * What an ONNX file lets one suppose about the preparation of pictures. The format has no place for it, and every wrong
 * choice still gives plausible scores; so this is a guess with its reason, for people to see and to overrule, and never
 * more.
 *
 * Two kinds of evidence, the better one first:
 *  1. A batch-norm after the first convolution remembers the mean and variance of what the convolution gave in
 *  training, and so those of
 *     the pictures it was given. (Exporters often fold it into the convolution; then nothing of this is left.)
 *  2. Who made the file, and how its tensors are called: each framework has its custom.
 * Neither tells RGB from BGR; only the custom does.
 */
import type { Graph, PreparationGuess } from '../graph';
import type { BatchNormNode } from '../ops/affine';
import type { ConvNode } from '../ops/conv';

/**
 * @param producer as the file has it, such as `pytorch 2.1`
 * @param isWhole whether the file takes pixels as whole numbers
 */
export function guessPreparation(graph: Graph, producer: string, isWhole = false): PreparationGuess {
  if (isWhole) return { prep: 'raw', reason: 'the file takes pixels as whole numbers' };
  const inside = byPreparation(graph);
  if (inside) return inside;
  if (graph.input.extents.C === 1)
    return { prep: 'unit', reason: 'it takes grey pictures, for which 0 to 1 is the most usual' };
  return byStatistics(graph) ?? byNames(graph, producer);
}

// ── by what the file itself does to pictures ──

/** Scales that make numbers near 1 of 0…255, and of 0…1. */
const SCALES = { ofBytes: 0.05, ofUnit: 10 };
/** Means beyond this are of pixels of 0…255. */
const LARGE_MEAN = 2;

/** Arithmetic on the picture before anything else: `y = scale · (x − mean)`, whose numbers tell what x is. */
function byPreparation({ input, nodes, weights }: Graph): PreparationGuess | undefined {
  let [scale, bias] = [1, 0];
  let steps = 0;
  for (let at = input.name; ; ) {
    const [node, second] = nodes.filter(({ inputs }) => inputs.includes(at));
    if (!node || second || node.inputs.length !== 1) break;
    if (node.op === 'affine') {
      const [s = 1, b = 0] = [node.scale, node.bias].map((name) =>
        name === undefined ? undefined : meanOf(weights.get(name)!.data),
      );
      [scale, bias] = [scale * s, bias * s + b];
      steps++;
    } else if (node.op !== 'identity') break;
    at = node.name;
  }
  if (steps === 0 || scale === 0) return undefined;
  const mean = -bias / scale;
  const does = `the file itself takes ${mean.toPrecision(3)} from pixels and scales them by ${scale.toPrecision(3)}`;
  if (Math.abs(scale) < SCALES.ofBytes || Math.abs(mean) > LARGE_MEAN) return { prep: 'raw', reason: does };
  return Math.abs(scale) > 1 && Math.abs(scale) < SCALES.ofUnit ? { prep: 'unit', reason: does } : undefined;
}

const meanOf = (data: Float32Array): number => data.reduce((sum, value) => sum + value, 0) / data.length;

// ── by what the first batch-norm remembers ──

/** Pixels of 0…255 deviate by about 65, those of the other customs by 0.25 to 1. */
const LARGE_DEVIATION = 8;
/** Between the 0.5 of −1…1 and the 1 of standardised pixels. */
const STANDARDISED = 0.72;

function byStatistics(graph: Graph): PreparationGuess | undefined {
  const conv = graph.nodes.find((node): node is ConvNode => node.op === 'conv' && node.inputs[0] === graph.input.name);
  const norm = graph.nodes.find(
    (node): node is BatchNormNode => node.op === 'batchNorm' && node.inputs[0] === conv?.name,
  );
  if (!conv || !norm) return undefined;
  const trained = pixelStatistics(graph, conv, norm);
  if (!trained) return undefined;

  const { mean, deviation } = trained;
  const highest = Math.max(...mean.map(Math.abs));
  const means = mean.map((m) => m.toPrecision(2)).join(', ');
  const seen = `its first batch-norm saw pixels of mean ${means} and deviation ${deviation.toPrecision(2)}`;
  if (deviation > LARGE_DEVIATION) return { prep: highest < deviation ? 'caffe-bgr' : 'raw', reason: seen };
  if (mean.every((m) => m > 0.25 && m < 0.7) && deviation < 0.4) return { prep: 'unit', reason: seen };
  if (highest > 0.8 * deviation) return undefined;
  return { prep: deviation > STANDARDISED ? 'torchvision' : 'signed', reason: seen };
}

/**
 * Mean per channel and deviation of the pictures that a net was trained on, by least squares over its O filters.
 *
 * With s[o,c] = Σ_{r,s} weight[o,c,r,s], the mean is exact but for padding: mean[o] − bias[o] = Σ_c s[o,c]·m[c]. The
 * variance is not: variance[o] ≈ (Σ_c s[o,c])²·σ² holds for filters that blur, since neighbouring pixels and channels
 * go together; those weigh most in the fit.
 */
function pixelStatistics(
  graph: Graph,
  conv: ConvNode,
  norm: BatchNormNode,
): { mean: number[]; deviation: number } | undefined {
  const weight = graph.weights.get(conv.weight)!;
  const [O = 0, C = 0, R = 0, S = 0] = weight.shape;
  if (O < 2 * C || C !== graph.input.extents.C) return undefined;
  const of = (name: string | undefined): Float32Array | undefined =>
    name === undefined ? undefined : graph.weights.get(name)!.data;
  const [means, variances, bias] = [of(norm.mean)!, of(norm.variance)!, of(conv.bias)];

  // sᵀs, and sᵀ(mean − bias) beside it
  const normal = Array.from({ length: C }, () => new Array<number>(C + 1).fill(0));
  let [numerator, denominator] = [0, 0];
  for (let o = 0; o < O; o++) {
    const s = Array.from({ length: C }, (_, c) =>
      weight.data.subarray((o * C + c) * R * S, (o * C + c + 1) * R * S).reduce((sum, w) => sum + w, 0),
    );
    const target = means[o]! - (bias?.[o] ?? 0);
    s.forEach((a, c) => {
      s.forEach((b, k) => (normal[c]![k]! += a * b));
      normal[c]![C]! += a * target;
    });
    const blur = s.reduce((sum, value) => sum + value, 0) ** 2;
    numerator += variances[o]! * blur;
    denominator += blur * blur;
  }
  const mean = solve(normal);
  const deviation = Math.sqrt(numerator / denominator);
  return mean.every(Number.isFinite) && Number.isFinite(deviation) ? { mean, deviation } : undefined;
}

/** Gauss–Jordan elimination of a small symmetric positive system `[A | b]`; not finite where that is singular. */
function solve(rows: number[][]): number[] {
  rows.forEach((pivot, i) => {
    rows.forEach((row, k) => {
      if (k === i) return;
      const factor = row[i]! / pivot[i]!;
      row.forEach((_, j) => (row[j]! -= factor * pivot[j]!));
    });
  });
  return rows.map((row, i) => row.at(-1)! / row[i]!);
}

// ── by names ──

/**
 * As Caffe's model files name their layers; other frameworks separate with dots and slashes, or append to such names.
 */
const CAFFE_LAYERS = /^(conv1_1|fc[678](_1)?|prob(_1)?|pool10(_1)?|loss3[/_]classifier(_1)?|conv1[/_]7x7_s2(_1)?)$/;

function byNames(graph: Graph, producer: string): PreparationGuess {
  const maker = producer.toLowerCase();
  const names = [graph.input.name, ...graph.nodes.map(({ name }) => name)];
  const net = `${graph.name} ${names[1] ?? ''}`.toLowerCase();

  if (/caffe|bvlc/.test(`${maker} ${net}`))
    return { prep: 'caffe-bgr', reason: 'it comes from Caffe, whose custom that is' };
  if (/pytorch|torch/.test(`${maker} ${net}`)) return { prep: 'torchvision', reason: 'PyTorch exported it' };
  if (/mxnet|gluon/.test(maker) || names.some((name) => name.endsWith('_fwd')))
    return { prep: 'torchvision', reason: 'it comes from MXNet, whose nets share torchvision’s custom' };
  if (/tf2onnx|keras|tensorflow/.test(maker)) {
    if (/densenet/.test(net)) return { prep: 'torchvision', reason: 'Keras prepares so for DenseNet' };
    if (/vgg|resnet(?!\d*v2)/.test(net))
      return { prep: 'caffe-bgr', reason: 'Keras prepares so for VGG and ResNet, whose weights were Caffe’s' };
    return { prep: 'signed', reason: 'it comes from TensorFlow, most of whose nets take −1 to 1' };
  }
  const caffe = names.find((name) => CAFFE_LAYERS.test(name));
  if (caffe !== undefined) return { prep: 'caffe-bgr', reason: `its layers are named as Caffe’s are (${caffe})` };
  return { prep: 'torchvision', reason: 'nothing in the file tells, and that is the most usual' };
}
