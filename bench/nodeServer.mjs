/** Vite as a loader of the benchmark's TypeScript in Node. */
import { createServer } from 'vite';
import { root } from '../scripts/system.mjs';

// TensorFlow.js has its gradients in ES modules that Node does not take for such, so Vite bundles it
const bundled = [
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-core/dist/register_all_gradients',
  '@tensorflow/tfjs-backend-webgpu',
];

export const benchServer = () =>
  createServer({
    root,
    appType: 'custom',
    cacheDir: 'node_modules/.vite-bench-node',
    server: { middlewareMode: true, watch: null, hmr: false, ws: false },
    optimizeDeps: { noDiscovery: true, include: [] },
    ssr: { noExternal: bundled, optimizeDeps: { include: bundled } },
    logLevel: 'error',
  });
