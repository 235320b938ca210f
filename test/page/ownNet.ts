/** A network of a visitor's own, as an ONNX file. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { floats, node, onnxFile } from '../formats/models';
import { normals, seededRandom } from '../oracle/random';

/**
 * Two small convolutions and ten classes. Before these stands the `whole` plane, of extents that divide by 2, or its
 * `mean`, which leaves the extents free.
 */
export function twoConvolutions(
  options: { readonly seed: number } & (
    | { readonly head: 'whole'; readonly extents: readonly [number, number] }
    | { readonly head: 'mean'; readonly extents: readonly [string, string] }
  ),
): string {
  const { seed, head, extents } = options;
  const random = seededRandom(seed);
  const weight = (name: string, dims: readonly number[]) => {
    const count = dims.reduce((product, extent) => product * extent, 1);
    return floats(
      name,
      dims,
      [...normals(random, count)].map((value) => value / Math.sqrt(count / dims[0]!)),
    );
  };
  const features = head === 'mean' ? 8 : (8 * extents[0] * extents[1]) / 4;
  const nodes = [
    node('Conv', ['x', 'w1'], 'conv1', { pads: [1, 1, 1, 1] }),
    node('Relu', ['conv1'], 'relu1'),
    node('MaxPool', ['relu1'], 'pool1', { kernel_shape: [2, 2], strides: [2, 2] }),
    node('Conv', ['pool1', 'w2'], 'conv2', { pads: [1, 1, 1, 1] }),
    node('Relu', ['conv2'], 'relu2'),
    ...(head === 'mean' ? [node('GlobalAveragePool', ['relu2'], 'mean')] : []),
    node('Flatten', [head === 'mean' ? 'mean' : 'relu2'], 'flat'),
    node('Gemm', ['flat', 'w3'], 'scores', { transB: 1 }),
  ];
  const tensors = [weight('w1', [8, 3, 3, 3]), weight('w2', [8, 8, 3, 3]), weight('w3', [10, features])];
  const path = join(mkdtempSync(join(tmpdir(), 'gradlens-page-')), 'own.onnx');
  writeFileSync(path, onnxFile({ nodes, tensors, input: ['N', 3, ...extents] }));
  return path;
}
