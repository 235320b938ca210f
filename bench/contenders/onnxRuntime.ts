/** ONNX Runtime Web, on WebGPU or on the CPU: forward passes only, since it has no gradients. */
import type * as onnxruntime from 'onnxruntime-web';
import packageJson from '../../package.json';
import type { Graph } from '../../src/graph';
import type { Contender, Session } from './contender';
import { onnxFileOf } from './onnxFile';

type Ort = typeof onnxruntime;

export function onnxRuntime(backend: 'webgpu' | 'wasm'): Contender {
  let ort: Ort;
  return {
    name: `ort-${backend}`,
    version: packageJson.devDependencies['onnxruntime-web'],
    backend,
    device: `ort-${backend}`,
    offers: ['forward'],
    async fetch() {
      ort = await (backend === 'webgpu'
        ? import('onnxruntime-web/webgpu')
        : typeof document === 'undefined'
          ? import('onnxruntime-web')
          : import('onnxruntime-web/wasm'));
      await findWasm(ort, backend);
    },
    prepare: (network, batch) => sessionOf(ort, backend, network, batch),
    dispose() {},
  };
}

/**
 * In a page, Vite has to say where the file is. Node finds it, but its threads wait for ever beside a `navigator`,
 * which other rivals ask for.
 */
async function findWasm({ env }: Ort, backend: 'webgpu' | 'wasm'): Promise<void> {
  if (typeof document === 'undefined') {
    env.wasm.numThreads = 1;
    return;
  }
  const { default: wasm } = await (backend === 'webgpu'
    ? import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url')
    : import('onnxruntime-web/ort-wasm-simd-threaded.wasm?url'));
  env.wasm.wasmPaths = { wasm };
}

async function sessionOf(ort: Ort, backend: 'webgpu' | 'wasm', network: Graph, batch: number): Promise<Session> {
  const { C, H, W } = network.input.extents;
  const session = await ort.InferenceSession.create(onnxFileOf(network, batch), { executionProviders: [backend] });
  return {
    async forward(input) {
      const results = await session.run({ [network.input.name]: new ort.Tensor('float32', input, [batch, C, H, W]) });
      return results[network.output]!.data as Float32Array;
    },
    dispose: () => void session.release(),
  };
}
