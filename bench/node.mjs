/**
 * `node bench/node.mjs`: the benchmark in Node, on Dawn. Same flags, same report as in the browser; `--help` lists them. Each case
 * runs in a process of its own, so that every cold start is one.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';
import { root } from '../bin/system.mjs';
import { casesOf, fail, finish, merged, options, readFlags, stamped } from './command.mjs';

const MARK = 'GRADLENS-REPORT ';

const { values, entries } = readFlags('system, lavapipe or swiftshader; default: a GPU if there is one');

// TensorFlow.js has its gradients in ES modules that Node does not take for such, so Vite bundles it
const bundled = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-core/dist/register_all_gradients', '@tensorflow/tfjs-backend-webgpu'];
const server = await createServer({
  root,
  appType: 'custom',
  cacheDir: 'node_modules/.vite-bench-node',
  server: { middlewareMode: true, watch: null, hmr: false, ws: false },
  optimizeDeps: { noDiscovery: true, include: [] },
  ssr: { noExternal: bundled, optimizeDeps: { include: bundled } },
  logLevel: 'error',
});
const load = (path) => server.ssrLoadModule(`/bench/${path}.ts`);

if (process.env.GRADLENS_BENCH_CASE !== undefined) await runOne(); // a case of nothing but defaults is an empty query
else await runAll();

async function runAll() {
  const modules = { options: await load('options'), report: await load('report') };
  const chosen = options(modules, entries);
  const reports = [];
  for (const [net, batch] of casesOf(chosen, entries)) {
    const query = modules.options.writeOptions({ ...chosen, nets: [net], batches: [batch], probe: chosen.probe && reports.length === 0 });
    const { status, signal, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...(values.adapter ? ['--adapter', values.adapter] : [])], {
      // Mesa keeps compiled shaders on disk, which would make the second cold start a warm one
      env: { ...process.env, GRADLENS_BENCH_CASE: query.toString(), MESA_SHADER_CACHE_DISABLE: 'true' },
      stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 28,
    });
    if (status !== 0) fail(`${net}, batch ${batch}: the process ended with ${signal ?? status}`);
    reports.push(JSON.parse(stdout.slice(stdout.lastIndexOf(MARK) + MARK.length)));
  }
  const code = finish(modules, stamped(merged(reports), values.adapter ? [`--adapter ${values.adapter}`] : []), values);
  await server.close();
  process.exit(code);
}

async function runOne() {
  const { requestNodeAdapter } = await server.ssrLoadModule('/src/node/dawn.ts');
  const icd = values.adapter === 'lavapipe' || values.adapter === 'swiftshader' ? { icd: values.adapter } : {};
  const gpu = { requestAdapter: () => requestNodeAdapter(icd), getPreferredCanvasFormat: () => 'rgba8unorm', wgslLanguageFeatures: new Set() };
  await gpu.requestAdapter(); // brings the names of WebGPU along, as globals
  const { availableParallelism } = await import('node:os');
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { gpu, userAgent: 'Node', platform: process.platform, hardwareConcurrency: availableParallelism() } });

  const { bench } = await load('run');
  const { parseOptions } = await load('options');
  const { options: chosen } = parseOptions(new URLSearchParams(process.env.GRADLENS_BENCH_CASE));
  const report = await bench(gpu, chosen, { onProgress: (sentence) => process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${sentence}${process.stderr.isTTY ? '' : '\n'}`) });
  process.stdout.write(`\n${MARK}${JSON.stringify(report)}`, () => process.exit(0)); // at once: Dawn and its drivers need no tidying up
}
