import type { Weight } from '../graph';
import type { ConvNode } from '../ops/conv';
import type { ImageNode } from '../ops/image';
import type { Layer } from './network';
import { fullWindow, slide } from '../shape';
import { type Network, type Rewrite, readersOf } from './network';

/** Beyond this many input channels the zeros that fill up the filter cost more than the stride saves. */
const MOST_CHANNELS = 4;

/**
 * Puts the image layer first. If all that reads the image is one strided convolution, the image layer also turns space
 * into depth: R×S with stride s over C channels becomes ⌈R/s⌉×⌈S/s⌉ with stride 1 over C·s² channels. Its input
 * gradient then is an ordinary stride-1 convolution, and in the first layer the blocks of four are full.
 */
export const enterImage: Rewrite = (network) => {
  const { input, layers } = network;
  const readers = readersOf(network).get(input.name) ?? [];
  const [only] = readers;
  const strided = readers.length === 1 && only?.op === 'conv' && suits(only, input.extents.C) ? only : null;
  const entered = strided ? unstride(network, strided) : network;
  const { H, W } = input.extents;
  const image: ImageNode = strided
    ? { ...enteringStrided(strided, network), name: `${input.name}.blocks`, inputs: [input.name] }
    : {
        op: 'image',
        name: `${input.name}.blocks`,
        inputs: [input.name],
        stride: [1, 1],
        pads: [0, 0, 0, 0],
        cells: [H, W],
      };
  const renamed = entered.layers.map(
    (layer): Layer => ({ ...layer, inputs: layer.inputs.map((name) => (name === input.name ? image.name : name)) }),
  );
  return { ...entered, layers: layers.length > 0 ? [image, ...renamed] : [] };
};

function suits(node: ConvNode, channels: number): boolean {
  const { stride, dilation } = fullWindow(node);
  return (
    Math.max(...stride) > 1 && Math.max(...dilation) === 1 && (node.groups ?? 1) === 1 && channels <= MOST_CHANNELS
  );
}

const cellsOf = (node: ConvNode): readonly [number, number] => {
  const { kernel, stride } = fullWindow(node);
  return [Math.ceil(kernel[0] / stride[0]), Math.ceil(kernel[1] / stride[1])];
};

function enteringStrided(node: ConvNode, { input }: Network): Omit<ImageNode, 'name' | 'inputs'> {
  const { stride, pads } = fullWindow(node);
  const { P, Q } = slide(node.name, node, input.extents);
  const [R, S] = cellsOf(node);
  return { op: 'image', stride, pads, cells: [P + R - 1, Q + S - 1] };
}

/** weight'[o, (c·s + i)·s + j, r, s] = weight[o, c, r·stride + i, s·stride + j], zero past the filter. */
function unstride(network: Network, node: ConvNode): Network {
  const { kernel, stride } = fullWindow(node);
  const { data, shape } = network.weights.get(node.weight)!;
  const [O, C] = [shape[0]!, shape[1]!];
  const [R, S] = cellsOf(node);
  const depth = C * stride[0] * stride[1];
  const turned = new Float32Array(O * depth * R * S);
  for (let o = 0; o < O; o++)
    for (let c = 0; c < C; c++)
      for (let y = 0; y < kernel[0]; y++)
        for (let x = 0; x < kernel[1]; x++) {
          const k = (c * stride[0] + (y % stride[0])) * stride[1] + (x % stride[1]);
          const [r, s] = [Math.floor(y / stride[0]), Math.floor(x / stride[1])];
          turned[((o * depth + k) * R + r) * S + s] = data[((o * C + c) * kernel[0] + y) * kernel[1] + x]!;
        }
  const name = `${node.weight}/depth`;
  const weight: Weight = { shape: [O, depth, R, S], data: turned };
  const { stride: _stride, pads: _pads, ...rest } = node;
  const layer: Layer = { ...rest, kernel: [R, S], weight: name };
  return {
    ...network,
    weights: new Map([...network.weights, [name, weight]]),
    layers: network.layers.map((other) => (other.name === node.name ? layer : other)),
  };
}
