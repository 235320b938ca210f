/**
 * One case in Node, for node.mjs: gets its options as a query, tells its parent what it does, and sends the report.
 * Ends when the parent does.
 *
 * @typedef {{ sentence: string, contender: string | null } | { report: import('./report.ts').Report }} Message
 */
import { availableParallelism } from 'node:os';
import { benchServer } from './nodeServer.mjs';

process.on('disconnect', () => process.exit(1));
/** @param {Message} message */
const send = (message, sent = () => {}) => process.send?.(message, undefined, undefined, sent);
const { query, adapter } = await new Promise((resolve) => process.once('message', resolve));

const server = await benchServer();
const { requestNodeAdapter } = await server.ssrLoadModule('/src/node/dawn.ts');
const icd = adapter === 'lavapipe' || adapter === 'swiftshader' ? { icd: adapter } : {};
const gpu = {
  requestAdapter: () => requestNodeAdapter(icd),
  getPreferredCanvasFormat: () => 'rgba8unorm',
  wgslLanguageFeatures: new Set(),
};
await gpu.requestAdapter(); // brings the names of WebGPU along, as globals
// what rivals look for
Object.defineProperty(globalThis, 'navigator', {
  configurable: true,
  value: { gpu, userAgent: 'Node', platform: process.platform, hardwareConcurrency: availableParallelism() },
});

const { bench } = await server.ssrLoadModule('/bench/run.ts');
const { CONTENDERS } = await server.ssrLoadModule('/bench/contenders/index.ts');
const { parseOptions } = await server.ssrLoadModule('/bench/options.ts');
const {
  default: { version },
} = await import('webgpu/package.json', { with: { type: 'json' } });
const report = await bench(gpu, parseOptions(new URLSearchParams(query)).options, CONTENDERS, {
  runtime: `Node ${process.version}, webgpu ${version}`,
  onProgress: (/** @type {string} */ sentence, /** @type {string | null} */ contender) => send({ sentence, contender }),
});
send({ report }, () => process.exit(0)); // at once: Dawn and its drivers need no tidying up
