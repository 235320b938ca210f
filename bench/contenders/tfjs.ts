/**
 * TensorFlow.js at its best: channels last, biases and ReLUs in its fused operators (which it takes apart again under a
 * gradient tape), weights in the layouts its kernels want, one `tf.tidy` per call.
 */
import type * as tfjs from '@tensorflow/tfjs-core';
import packageJson from '../../package.json';
import type { Graph, GraphNode, Pads, Pair } from '../../src/graph';
import { elements } from '../../src/shape';
import { extentsOf } from '../networks';
import { ASCENT, type Contender, type Session, oneHot, paced, perItem, transposed, withFusedRelus } from './contender';

type Tf = typeof tfjs;
type Backend = 'webgpu' | 'webgl' | 'wasm';

/**
 * `tiled`: the input gradient of convolutions by its tiled matrix product, which a flag chooses over the naive kernel
 * of the default.
 */
export function tensorflow(backend: Backend, { tiled = false }: { tiled?: boolean } = {}): Contender {
  let tf: Tf;
  const makeCurrent = async (): Promise<void> => {
    if (tf.getBackend() !== backend && !(await tf.setBackend(backend)))
      throw new Error(`TensorFlow.js has no back-end '${backend}' here`);
    if (backend === 'webgpu') tf.env().set('WEBGPU_USE_NAIVE_CONV2D_TRANSPOSE', !tiled);
  };
  return {
    name: `tfjs-${backend}${tiled ? '-tiled' : ''}`,
    version: packageJson.devDependencies['@tensorflow/tfjs-core'],
    backend,
    device: `tfjs-${backend}`,
    async fetch() {
      tf = await import('@tensorflow/tfjs-core');
      await import('@tensorflow/tfjs-core/dist/register_all_gradients'); // the core comes without any
      if (backend === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu');
      if (backend === 'webgl') await import('@tensorflow/tfjs-backend-webgl');
      if (backend === 'wasm') await fetchWasm();
    },
    async prepare(network, batch) {
      await makeCurrent();
      const session = sessionOf(tf, network, batch);
      return {
        ...session,
        before: () => (tf.getBackend() === backend && backend !== 'webgpu' ? undefined : makeCurrent()),
      };
    },
    dispose() {},
  };
}

async function fetchWasm(): Promise<void> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  if (typeof document === 'undefined') return; // in Node it finds its files itself
  const [plain, simd, threaded] = await Promise.all([
    import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'),
    import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'),
    import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url'),
  ]);
  setWasmPaths({
    'tfjs-backend-wasm.wasm': plain.default,
    'tfjs-backend-wasm-simd.wasm': simd.default,
    'tfjs-backend-wasm-threaded-simd.wasm': threaded.default,
  });
}

function sessionOf(tf: Tf, network: Graph, batch: number): Session {
  const { C, H, W } = network.input.extents;
  const classes = extentsOf(network).get(network.output)!.C;
  const parameters = parametersOf(tf, network);
  const forward = forwardOf(tf, network, batch, parameters);
  const valueAndGradient = tf.valueAndGrad(forward);
  const tensorOf = (input: Float32Array): tfjs.Tensor => tf.tensor(input, [batch, H, W, C], 'float32');
  const read = async (tensor: tfjs.Tensor): Promise<Float32Array> => (await tensor.data()) as Float32Array;

  return {
    arrange: (input) => perItem(input, batch, (item) => transposed(item, C, H * W)),
    restore: (gradient) => perItem(gradient, batch, (item) => transposed(item, H * W, C)),
    async forward(input) {
      const scores = tf.tidy(() => forward(tensorOf(input)));
      try {
        return await read(scores);
      } finally {
        scores.dispose();
      }
    },
    async gradient(input, chosen) {
      // not tf.oneHot: on wasm it writes the bits of the integer 1 into a float32 tensor
      const { value, grad } = tf.tidy(() =>
        valueAndGradient(tensorOf(input), tf.tensor(oneHot(chosen, classes), [batch, classes], 'float32')),
      );
      try {
        const [scores, gradient] = await Promise.all([read(value), read(grad)]);
        return { scores, gradient };
      } finally {
        tf.dispose([value, grad]);
      }
    },
    async ascend(start, chosen) {
      const target = tf.tensor(oneHot(chosen, classes), [batch, classes], 'float32');
      let image = tensorOf(start);
      let scores: tfjs.Tensor = tf.scalar(0);
      const iterate = (): void => {
        const old = [image, scores];
        [image, scores] = tf.tidy((): [tfjs.Tensor, tfjs.Tensor] => {
          const { value, grad } = valueAndGradient(image, target);
          const direction = tf.sub(grad, tf.mul(image, 2 * ASCENT.l2));
          const rms = tf.sqrt(tf.mean(tf.square(direction), [1, 2, 3], true));
          return [tf.add(image, tf.mul(direction, tf.div(ASCENT.step, rms))), value];
        });
        tf.dispose(old);
      };
      return paced(iterate, () => read(scores), {
        read: () => read(image),
        dispose: () => tf.dispose([image, scores, target]),
      });
    },
    dispose: () => tf.dispose([...parameters.values()]),
  };
}

type Parameters = ReadonlyMap<string, tfjs.Tensor>;

/** The weights as TensorFlow.js wants them: channels last. */
function parametersOf(tf: Tf, network: Graph): Parameters {
  const extents = extentsOf(network);
  const parameters = new Map<string, tfjs.Tensor>();
  const add = (name: string, data: Float32Array, shape: number[]): void => {
    parameters.set(name, tf.tensor(data, shape, 'float32'));
  };
  for (const node of network.nodes) {
    if (node.op !== 'conv' && node.op !== 'fullyConnected') continue;
    const { data, shape } = network.weights.get(node.weight)!;
    const O = shape[0]!;
    if (node.op === 'conv') {
      if (node.groups !== undefined && node.groups !== 1)
        throw new Error(`${node.name}: TensorFlow.js has no gradient of grouped convolutions`);
      const [, K, R, S] = shape as [number, number, number, number];
      const tapsFirst = transposed(data, O * K, R * S); // OIHW → HWOI
      const channelsLast = perItem(tapsFirst, R * S, (tap) => transposed(tap, O, K));
      add(node.weight, channelsLast, [R, S, K, O]);
    } else {
      const x = extents.get(node.inputs[0]!)!;
      const channelsLast = perItem(data, O, (row) => transposed(row, x.C, x.H * x.W));
      add(node.weight, transposed(channelsLast, O, elements(x)), [elements(x), O]);
    }
    if (node.bias) add(node.bias, network.weights.get(node.bias)!.data, [O]);
  }
  return parameters;
}

/** The forward pass: `[N, H, W, C]` to `[N × classes]`. */
function forwardOf(tf: Tf, network: Graph, batch: number, parameters: Parameters) {
  const classes = extentsOf(network).get(network.output)!.C;
  const layers = withFusedRelus(network);
  const apply = layerOf(tf, batch, parameters);
  return (image: tfjs.Tensor): tfjs.Tensor => {
    const tensors = new Map<string, tfjs.Tensor>([[network.input.name, image]]);
    for (const { node, output, relu } of layers) {
      const inputs = node.inputs.map((name) => tensors.get(name)!);
      tensors.set(output, apply(node, inputs, relu));
    }
    return tf.reshape(tensors.get(network.output)!, [batch, classes]);
  };
}

/** One layer, rectified if `relu` says so. */
function layerOf(tf: Tf, batch: number, parameters: Parameters) {
  return (node: GraphNode, inputs: readonly tfjs.Tensor[], relu: boolean): tfjs.Tensor => {
    const [x, ...others] = inputs as [tfjs.Tensor4D, ...tfjs.Tensor4D[]];
    const epilogue = {
      ...('bias' in node && node.bias ? { bias: parameters.get(node.bias)! } : {}),
      activation: relu ? ('relu' as const) : ('linear' as const),
    };
    switch (node.op) {
      case 'conv':
        return tf.fused.conv2d({
          x,
          filter: parameters.get(node.weight) as tfjs.Tensor4D,
          strides: pair(node.stride),
          pad: padding(node.pads),
          ...epilogue,
        });
      case 'fullyConnected':
        return tf.fused.matMul({
          a: tf.reshape<tfjs.Rank.R2>(x, [batch, -1]),
          b: parameters.get(node.weight) as tfjs.Tensor2D,
          ...epilogue,
        });
      case 'maxPool':
        return tf.maxPool(x, pair(node.kernel), pair(node.stride), padding(node.pads), node.ceil ? 'ceil' : 'floor');
      case 'relu':
        return tf.relu(x);
      case 'concat':
        return tf.concat([x, ...others], 3);
      case 'globalAveragePool':
        return tf.mean(x, [1, 2]);
      default:
        throw new Error(`${node.name}: ${node.op} is not written for TensorFlow.js`);
    }
  };
}

const pair = ([y, x]: Pair = [1, 1]): [number, number] => [y, x];

function padding(
  [top, left, bottom, right]: Pads = [0, 0, 0, 0],
): number | [[number, number], [number, number], [number, number], [number, number]] {
  const same = top === left && top === bottom && top === right;
  return same
    ? top
    : [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ];
}
