/**
 * The figures of docs/one-layer.md: a convolution, a ReLU and a 2×2 max-pool, compiled with ever more of the rewrites
 * that concern the pool. Dispatches and bytes come from the plans, milliseconds from a software driver.
 *
 *   node scripts/oneLayer.mjs                        the counts alone
 *   node scripts/oneLayer.mjs lavapipe swiftshader   the times as well, on these drivers
 */
import { createServer } from 'vite';
import { root } from './system.mjs';

const [C, SIDE, O, CLASSES] = [16, 128, 32, 10];
const RUNS = 25;

const server = await createServer({
  root,
  appType: 'custom',
  configFile: false,
  server: { middlewareMode: true, watch: null, hmr: false, ws: false },
  optimizeDeps: { noDiscovery: true, include: [] },
  logLevel: 'error',
});
/** @type {typeof import('../src/compile/index.ts')} */
const { REWRITES, planOf } = /** @type {any} */ (await server.ssrLoadModule('/src/compile/index.ts'));
/** @type {typeof import('../src/variants/variants.ts')} */
const { PLAIN } = /** @type {any} */ (await server.ssrLoadModule('/src/variants/variants.ts'));

/**
 * What is left out, by the name of the stage.
 *
 * @type {Record<string, string[]>}
 */
const STAGES = {
  'ReLU and pool on their own': ['fuseRelu', 'fusePool'],
  'ReLU in the convolution': ['fusePool'],
  'ReLU and pool in the convolution': [],
};

const plans = Object.entries(STAGES).map(([stage, without]) => {
  const rewrites = REWRITES.filter(({ name }) => !without.includes(name));
  return { stage, plan: planOf(graph(), { batch: 1, bindingBytes: 2 ** 27, variants: PLAIN }, rewrites) };
});
for (const { stage, plan } of plans) {
  const { saved, activations } = plan.memory;
  console.log(
    `${stage}: ${plan.forward.length} + ${plan.backward.length} dispatches, ${saved} bytes saved, `.concat(
      `${activations} bytes of activations`,
    ),
  );
  for (const step of [...plan.forward, ...plan.backward]) console.log(`    ${step.label}`);
}
for (const icd of process.argv.slice(2)) await time(icd);
await server.close();
process.exit(0);

/** conv 3×3, ReLU, max-pool 2×2, fully connected; weights are random, since values do not matter here. */
function graph() {
  const random = () => Math.random() - 0.5;
  /** @type {(...shape: number[]) => { data: Float32Array, shape: number[] }} */
  const weight = (...shape) => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, random) });
  return {
    name: 'oneLayer',
    input: { name: 'image', extents: { C, H: SIDE, W: SIDE } },
    nodes: /** @type {import('../src/index.ts').Graph['nodes']} */ ([
      { op: 'conv', name: 'conv', inputs: ['image'], weight: 'w', kernel: [3, 3], pads: [1, 1, 1, 1] },
      { op: 'relu', name: 'relu', inputs: ['conv'] },
      { op: 'maxPool', name: 'pool', inputs: ['relu'], kernel: [2, 2], stride: [2, 2] },
      { op: 'fullyConnected', name: 'scores', inputs: ['pool'], weight: 'v' },
    ]),
    output: 'scores',
    weights: new Map([
      ['w', weight(O, C, 3, 3)],
      ['v', weight(CLASSES, (O * SIDE * SIDE) / 4)],
    ]),
  };
}

/**
 * Medians of many gradients, the stages taking turns: what the machine does meanwhile happens to all.
 *
 * @param {string} icd
 */
async function time(icd) {
  /** @type {typeof import('../src/node/dawn.ts')} */
  const { requestNodeAdapter } = /** @type {any} */ (await server.ssrLoadModule('/src/node/dawn.ts'));
  /** @type {typeof import('../src/gpu/device.ts')} */
  const { Device } = /** @type {any} */ (await server.ssrLoadModule('/src/gpu/device.ts'));
  /** @type {typeof import('../src/gpu/executor.ts')} */
  const { Executor } = /** @type {any} */ (await server.ssrLoadModule('/src/gpu/executor.ts'));
  /** @type {typeof import('../src/gpu/weightStore.ts')} */
  const { WeightStore } = /** @type {any} */ (await server.ssrLoadModule('/src/gpu/weightStore.ts'));
  /** @type {typeof import('../src/variants/stored.ts')} */
  const { memoryStore } = /** @type {any} */ (await server.ssrLoadModule('/src/variants/stored.ts'));
  const call = { signal: new AbortController().signal };
  const adapter = await requestNodeAdapter({ icd: /** @type {'lavapipe'} */ (icd) });
  const gpu = await adapter.requestDevice();
  const device = new Device(gpu, {
    owned: false,
    info: adapter.info,
    tuningStore: memoryStore(),
    variants: PLAIN,
  });
  const executors = await Promise.all(
    plans.map(async ({ stage, plan }) => ({
      stage,
      executor: await Executor.create({ device, plan, weights: new WeightStore(device) }, call),
      times: /** @type {number[]} */ ([]),
    })),
  );
  const targets = [{ channel: 3, y: 0, x: 0 }];
  for (let run = 0; run < RUNS + 3; run++) {
    for (const { executor, times } of executors) {
      const began = performance.now();
      const encoder = gpu.createCommandEncoder();
      executor.encodeBoth(encoder, /** @type {any} */ ({ targets, relu: 'gradient', score: 'logit' }));
      gpu.queue.submit([encoder.finish()]);
      await gpu.queue.onSubmittedWorkDone();
      if (run >= 3) times.push(performance.now() - began);
    }
  }
  console.log(`\n${adapter.info.description || adapter.info.device}, ${RUNS} gradients each`);
  for (const { stage, times } of executors) {
    const sorted = times.sort((a, b) => a - b);
    const [low, median, high] = [0.25, 0.5, 0.75].map((share) => sorted[Math.floor(share * RUNS)].toFixed(2));
    console.log(`  ${stage}: ${median} ms (half of them ${low} to ${high})`);
  }
}
