/**
 * jax-js on WebGPU: value and gradient in one jitted function. Its arrays are owned: a call consumes its arguments, and
 * `.ref` keeps one for another use.
 */
import type * as jaxjs from '@jax-js/jax';
import packageJson from '../../package.json';
import type { Extents, Graph, GraphNode, Pads } from '../../src/graph';
import { elements } from '../../src/shape';
import { extentsOf } from '../networks';
import { ASCENT, type Contender, type Session, isPadded, oneHot, paced, transposed, withFusedRelus } from './contender';

type Jax = typeof jaxjs;
type Array4 = jaxjs.Array;
type Parameters = Record<string, Array4>;

export function jax(): Contender {
  let library: Jax;
  return {
    name: 'jax-webgpu',
    version: packageJson.devDependencies['@jax-js/jax'],
    backend: 'webgpu',
    device: 'jax-webgpu',
    async fetch() {
      library = await import('@jax-js/jax');
    },
    async prepare(network, batch) {
      if (!(await library.init('webgpu')).includes('webgpu')) throw new Error('jax-js finds no WebGPU here');
      library.defaultDevice('webgpu');
      return sessionOf(library, network, batch);
    },
    dispose() {},
  };
}

function sessionOf(library: Jax, network: Graph, batch: number): Session {
  const { jit, numpy: np, tree, valueAndGrad } = library;
  const { C, H, W } = network.input.extents;
  const classes = extentsOf(network).get(network.output)!.C;
  const arrayOf = (data: Float32Array, shape: readonly number[]): Array4 => np.array(data, { shape: [...shape] });
  const parameters = parametersOf(library, network);
  const forward = forwardOf(library, network, batch);

  const release = (weights: Parameters): void => Object.values(weights).forEach((array) => array.dispose());
  const scoresOf = jit((weights: Parameters, image: Array4) => {
    const scores = forward(weights, image);
    release(weights);
    return scores;
  });
  /** Consumes all but the weights. */
  const scoresAndGradient = (weights: Parameters, image: Array4, target: Array4): [Array4, Array4] => {
    const score = (x: Array4): [Array4, Array4] => {
      const scores = forward(weights, x);
      return [np.sum(scores.ref.mul(target.ref)), scores];
    };
    const [[sum, scores], gradient] = valueAndGrad(score, { hasAux: true })(image);
    sum.dispose();
    target.dispose();
    return [scores, gradient];
  };
  const gradientOf = jit((weights: Parameters, image: Array4, target: Array4) => {
    const results = scoresAndGradient(weights, image, target);
    release(weights);
    return results;
  });
  const iterationOf = jit((weights: Parameters, image: Array4, target: Array4) => {
    const [scores, gradient] = scoresAndGradient(weights, image.ref, target);
    release(weights);
    const direction = gradient.sub(image.ref.mul(2 * ASCENT.l2));
    const rms = np.sqrt(np.mean(np.square(direction.ref), [1, 2, 3], { keepdims: true }));
    return [scores, image.add(direction.div(rms).mul(ASCENT.step))];
  });
  const read = async (array: Array4): Promise<Float32Array> => (await array.data()) as Float32Array;
  const imageOf = (input: Float32Array): Array4 => arrayOf(input, [batch, C, H, W]);

  return {
    forward: async (input) => read(scoresOf(tree.ref(parameters), imageOf(input))),
    async gradient(input, chosen) {
      const [scores, gradient] = gradientOf(
        tree.ref(parameters),
        imageOf(input),
        arrayOf(oneHot(chosen, classes), [batch, classes]),
      );
      const [s, g] = await Promise.all([read(scores), read(gradient)]);
      return { scores: s, gradient: g };
    },
    async ascend(start, chosen) {
      const target = arrayOf(oneHot(chosen, classes), [batch, classes]);
      let image = imageOf(start);
      let scores: Array4 | null = null;
      const iterate = (): void => {
        scores?.dispose();
        [scores, image] = iterationOf(tree.ref(parameters), image, target.ref) as [Array4, Array4];
      };
      return paced(iterate, () => scores!.ref.data(), {
        read: () => read(image.ref),
        dispose() {
          for (const array of [scores, image, target]) array?.dispose();
        },
      });
    },
    dispose() {
      release(parameters);
      for (const jitted of [scoresOf, gradientOf, iterationOf]) jitted.dispose();
    },
  };
}

/** The weights as jax-js wants them; those of fully connected layers transposed. */
function parametersOf({ numpy: np }: Jax, network: Graph): Parameters {
  const extents = extentsOf(network);
  const parameters: Parameters = {};
  const add = (name: string, data: Float32Array, shape: readonly number[]): void => {
    parameters[name] = np.array(data, { shape: [...shape] });
  };
  for (const node of network.nodes) {
    if (node.op !== 'conv' && node.op !== 'fullyConnected') continue;
    const { data, shape } = network.weights.get(node.weight)!;
    const O = shape[0]!;
    const inputs = elements(extents.get(node.inputs[0]!)!);
    if (node.op === 'conv') add(node.weight, data, shape);
    else add(node.weight, transposed(data, O, inputs), [inputs, O]);
    if (node.bias) add(node.bias, network.weights.get(node.bias)!.data, node.op === 'conv' ? [1, O, 1, 1] : [O]);
  }
  return parameters;
}

/** The forward pass `[N × classes]`. It consumes the image; the weights are borrowed. */
function forwardOf(library: Jax, network: Graph, batch: number): (weights: Parameters, image: Array4) => Array4 {
  const classes = extentsOf(network).get(network.output)!.C;
  const layers = withFusedRelus(network);
  const readersOf = (name: string): number => network.nodes.filter(({ inputs }) => inputs.includes(name)).length;
  const apply = layerOf(library, network, batch);
  return (weights, image) => {
    const arrays = new Map<string, Array4>([[network.input.name, image]]);
    const left = new Map<string, number>();
    /** The last reader of an array consumes it. */
    const take = (name: string): Array4 => {
      const remaining = (left.get(name) ?? readersOf(name)) - 1;
      left.set(name, remaining);
      return remaining > 0 ? arrays.get(name)!.ref : arrays.get(name)!;
    };
    for (const { node, output, relu } of layers) {
      const y = apply(node, node.inputs.map(take), (name) => weights[name]!.ref);
      arrays.set(output, relu ? library.nn.relu(y) : y);
    }
    return arrays.get(network.output)!.reshape([batch, classes]);
  };
}

/** One layer: what it computes of its inputs, which it consumes. */
function layerOf({ lax, nn, numpy: np }: Jax, network: Graph, batch: number) {
  const extents = extentsOf(network);
  return (node: GraphNode, inputs: readonly Array4[], weight: (name: string) => Array4): Array4 => {
    const [x, ...others] = inputs as [Array4, ...Array4[]];
    const biased = (y: Array4): Array4 => ('bias' in node && node.bias ? y.add(weight(node.bias)) : y);
    switch (node.op) {
      case 'conv':
        return biased(
          lax.convGeneralDilated(x, weight(node.weight), [...(node.stride ?? [1, 1])], padding(node.pads), {
            featureGroupCount: node.groups ?? 1,
          }),
        );
      case 'fullyConnected':
        return biased(np.dot(x.reshape([batch, -1]), weight(node.weight)));
      case 'maxPool':
        if (isPadded(node.pads) || needsCeil(node, extents.get(node.inputs[0]!)!))
          throw new Error(`${node.name}: the pools of jax-js take no padding`);
        return lax.reduceWindow(x, np.max, [...node.kernel], [...(node.stride ?? [1, 1])]);
      case 'relu':
        return nn.relu(x);
      case 'concat':
        return np.concatenate([x, ...others], 1);
      case 'globalAveragePool':
        return np.mean(x, [2, 3]);
      default:
        throw new Error(`${node.name}: ${node.op} is not written for jax-js`);
    }
  };
}

/** Whether rounding up makes a difference to a pool. */
function needsCeil({ ceil, kernel, stride = [1, 1] }: Extract<GraphNode, { op: 'maxPool' }>, x: Extents): boolean {
  return ceil === true && ((x.H - kernel[0]) % stride[0] !== 0 || (x.W - kernel[1]) % stride[1] !== 0);
}

const padding = ([top, left, bottom, right]: Pads = [0, 0, 0, 0]): [number, number][] => [
  [top, bottom],
  [left, right],
];
