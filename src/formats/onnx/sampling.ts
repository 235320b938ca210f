/**
 * Sampling between pixels, as matrices: RoiAlign by constant boxes, and GridSample by a grid that is computed, whose
 * bilinear shares are hats round each place.
 */
import type { NodeProto, TensorProto } from 'onnx-buf';
import { formatError } from '../checks';
import { unsupported, type Call } from './call';
import { readFloats, readWhole } from './tensors';
import { printShape } from './value';
import { nodeOf, tensorOf, type Replacement } from './standIns';

/** Nodes and constants of a replacement, as they are added. */
class Steps {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  constructor(private readonly prefix: string) {}

  constant(role: string, shape: readonly number[], data: ArrayLike<number>, isWhole = false): string {
    const tensor = tensorOf(`${this.prefix}/${role}`, shape, data, isWhole);
    this.initializers.push(tensor);
    return tensor.name;
  }

  /** Adds a node, and returns what it writes. */
  add(op: string, inputs: readonly string[], role: string, attributes: Parameters<typeof nodeOf>[3] = {}): string {
    const output = `${this.prefix}/${role}`;
    this.nodes.push(nodeOf(op, inputs, [output], attributes));
    return output;
  }

  reshape(x: string, role: string, shape: readonly number[]): string {
    return this.add('Reshape', [x, this.constant(`shape of ${role}`, [shape.length], shape, true)], role);
  }

  /** The last node writes what the replaced one wrote. */
  ending(x: string, output: readonly string[]): Replacement {
    this.nodes.push(nodeOf('Identity', [x], output));
    return this;
  }
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** `grid[n, h, w] = θ[n] · (x, y, 1)`, with x and y from −1 to 1. */
export function affineGrid({ input: [theta = ''], output }: NodeProto, call: Call): Replacement {
  const [N = 1, , H = 1, W = 1, ...rest] = call.integers(1) ?? [];
  if (rest.length > 0) throw unsupported('its grid is one of volumes', 'grids of planes, [N, C, H, W]');
  const corners = call.int('align_corners', 0) !== 0;
  const along = (i: number, extent: number): number =>
    corners ? (extent === 1 ? 0 : (2 * i) / (extent - 1) - 1) : (2 * i + 1) / extent - 1;
  call.model.spend(3 * H * W);
  const steps = new Steps(call.name);
  const places = range(H * W).flatMap((i) => [along(i % W, W), along(Math.floor(i / W), H), 1]);
  const turned = steps.add('Transpose', [theta], 'θ turned', { perm: [0, 2, 1] });
  const products = steps.add('MatMul', [steps.constant('places', [1, H * W, 3], places), turned], 'products');
  return steps.ending(steps.reshape(products, 'grid', [N, H, W, 2]), output);
}

/** The largest matrix of shares, in elements. */
const MOST_SHARES = 2 ** 24;

/**
 * `y[c, p] = Σ_h Σ_w x[c, h, w] · hat(v_p − h) · hat(u_p − w)`, with hat(d) = max(0, 1 − |d|): a product with a matrix,
 * so that there is a gradient to the picture and to the grid.
 */
export function sampledByComputed({ input: [x = '', grid = ''], output }: NodeProto, call: Call): Replacement {
  const shape = call.operandShape(0);
  const [N = 1, C = 1, H = 1, W = 1] = shape;
  const [items = 1, P = 1, Q = 1, pair] = call.operandShape(1);
  if (shape.length !== 4 || pair !== 2 || items !== N)
    throw formatError(`${call.where}: its grid is ${printShape(call.operandShape(1))}, its input ${printShape(shape)}`);
  if (N !== 1 || call.fixesBatch) throw unsupported('it samples several items', 'one grid for every item');
  call.choice('mode', 'linear', { linear: 0, bilinear: 0 }); // of the others, a computed grid has no gradient, or many
  const padding = call.choice('padding_mode', 'zeros', { zeros: 0, border: 1 });
  if (H * W * P * Q > MOST_SHARES)
    throw unsupported(`it samples ${P}×${Q} computed places of ${H}×${W}`, `${MOST_SHARES} pairs of them at most`);
  const corners = call.int('align_corners', 0) !== 0;
  const steps = new Steps(call.name);
  const one = steps.constant('1', [], [1]);
  const zero = steps.constant('0', [], [0]);
  const shares = (axis: 0 | 1, extent: number): string => {
    const name = axis === 0 ? 'u' : 'v';
    const [scale, shift] = corners ? [(extent - 1) / 2, (extent - 1) / 2] : [extent / 2, (extent - 1) / 2];
    const chosen = steps.add('Gather', [grid, steps.constant(`${name} index`, [], [axis], true)], name, { axis: 3 });
    const scaled = steps.add('Mul', [chosen, steps.constant(`${name} scale`, [], [scale])], `${name} scaled`);
    let place = steps.add('Add', [scaled, steps.constant(`${name} shift`, [], [shift])], `${name} place`);
    if (padding === 1) {
      place = steps.add('Max', [place, zero], `${name} from 0`);
      place = steps.add('Min', [place, steps.constant(`${name} last`, [], [extent - 1])], `${name} to the last`);
    }
    const row = steps.reshape(place, `${name} in a row`, [1, P * Q]);
    const pixels = steps.constant(`${name} pixels`, [extent, 1], range(extent));
    const away = steps.add('Abs', [steps.add('Sub', [row, pixels], `${name} less pixels`)], `${name} away`);
    const hat = steps.add('Max', [steps.add('Sub', [one, away], `${name} 1 − away`), zero], `${name} hat`);
    return steps.reshape(hat, `${name} shares`, axis === 0 ? [1, extent, P * Q] : [extent, 1, P * Q]);
  };
  const both = steps.add('Mul', [shares(1, H), shares(0, W)], 'shares');
  const matrix = steps.reshape(both, 'matrix', [H * W, P * Q]);
  const product = steps.add('MatMul', [steps.reshape(x, 'pixels', [C, H * W]), matrix], 'product');
  return steps.ending(steps.reshape(product, 'sampled', [1, C, P, Q]), output);
}

/** The mean of samples in each cell of constant boxes: a matrix of shares for rows, and one for columns. */
export function roiAlign({ input: [x = ''], output }: NodeProto, call: Call): Replacement {
  const [N = 1, , H = 1, W = 1] = call.operandShape(0);
  if (!call.constant(1) || !call.constant(2)) throw unsupported('its boxes are computed from the image', 'constants');
  const boxes = readFloats(call.needConstant(1)).data;
  if (N !== 1 || call.fixesBatch || readWhole(call.needConstant(2)).some((item) => item !== 0))
    throw unsupported('its boxes are of several items', 'boxes of one picture');
  call.choice('mode', 'avg', { avg: 0 });
  const half =
    call.model.opset >= 16 &&
    call.choice('coordinate_transformation_mode', 'half_pixel', { half_pixel: true, output_half_pixel: false });
  const [P, Q] = [call.int('output_height', 1), call.int('output_width', 1)];
  const ratio = call.int('sampling_ratio', 0);
  const scale = call.float('spatial_scale', 1);
  const shift = half ? 0.5 : 0;
  const along = (first: number, last: number, cells: number, extent: number): number[] => {
    const begin = first * scale - shift;
    const length = half ? last * scale - shift - begin : Math.max(1, last * scale - begin);
    const samples = ratio > 0 ? ratio : Math.max(0, Math.ceil(length / cells));
    call.model.spend(cells * (extent + samples));
    const matrix = new Array<number>(cells * extent).fill(0);
    for (let cell = 0; cell < cells; cell++)
      for (let k = 0; k < samples; k++) {
        const place = begin + (length / cells) * (cell + (k + 0.5) / samples);
        if (place < -1 || place > extent) continue;
        const inside = Math.min(Math.max(place, 0), extent - 1);
        const low = Math.floor(inside);
        const share = inside - low;
        matrix[cell * extent + low]! += (1 - share) / samples;
        if (share > 0) matrix[cell * extent + low + 1]! += share / samples;
      }
    return matrix;
  };
  const steps = new Steps(call.name);
  const count = boxes.length / 4;
  const crops = range(count).map((k) => {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = boxes.subarray(4 * k, 4 * k + 4);
    const rows = along(y1, y2, P, H);
    const columns = along(x1, x2, Q, W);
    const turned = range(W).flatMap((w) => range(Q).map((q) => columns[q * W + w]!));
    const wide = steps.add('MatMul', [x, steps.constant(`columns ${k}`, [W, Q], turned)], `box ${k}, columns`);
    return steps.add('MatMul', [steps.constant(`rows ${k}`, [P, H], rows), wide], `box ${k}`);
  });
  if (crops.length === 0) throw unsupported('it has no boxes', 'one or more');
  return steps.ending(steps.add('Concat', crops, 'boxes', { axis: 0 }), output);
}
