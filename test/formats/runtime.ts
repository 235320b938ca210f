/**
 * ONNX Runtime, the independent one: what it computes from a file, against our import of the same file run by the
 * oracle.
 */
import * as ort from 'onnxruntime-web';
import type { Graph } from '../../src/graph';
import { readOnnx } from '../../src/formats/onnx';
import { relativeL2 } from '../oracle/compare';
import { runGraph } from '../oracle/network';
import { normals, seededRandom } from '../oracle/random';
import { floats, onnxFile, type ModelSpec, type Tensor } from './models';

ort.env.wasm.numThreads = 1;

const random = seededRandom(5);

/** A float32 constant of normal deviates. */
export const some = (name: string, dims: readonly number[], positive = false): Tensor =>
  floats(
    name,
    dims,
    [
      ...normals(
        random,
        dims.reduce((a, b) => a * b, 1),
      ),
    ].map((value) => (positive ? Math.abs(value) + 0.5 : value)),
  );

export const scalar = (name: string, value: number): Tensor => ({ ...floats(name, [1], [value]), dims: [] });

/** The first output of a file, for one image. */
export async function runtimeOutput(
  file: Uint8Array,
  image: Float64Array,
  shape: readonly number[],
): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
  const outputs = await session.run({
    [session.inputNames[0]!]: new ort.Tensor('float32', Float32Array.from(image), shape),
  });
  await session.release();
  return outputs[session.outputNames[0]!]!.data as Float32Array;
}

type Spec = Omit<ModelSpec, 'input'> & { readonly input: readonly number[] };

/**
 * How far the two are apart, on normal deviates: relative L2 error of the first output. `ours` is another form of the
 * file, for what the runtime does not read.
 */
export async function differenceFromRuntime(
  spec: Spec,
  ours: Spec = spec,
): Promise<{ error: number; graph: Graph; image: Float64Array }> {
  const file = onnxFile(spec);
  const image = normals(
    seededRandom(9),
    spec.input.slice(1).reduce((a, b) => a * b),
  );
  const output = await runtimeOutput(file, image, spec.input);
  const { graph } = readOnnx(ours === spec ? file : onnxFile(ours));
  return { error: relativeL2(runGraph(graph, image).get(graph.output)!.data, output), graph, image };
}
