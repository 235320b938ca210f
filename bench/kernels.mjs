/**
 * `node bench/kernels.mjs --net vgg16 --batch 1,8 [--json FILE] [--seed]`: every kernel that may run the networks'
 * convolutions, in shares of the adapter's rate of multiply-adds. Needs a GPU. `--seed` writes the fastest ones to
 * src/variants/shippedChoices.json, beside those of other adapters.
 *
 * @import { ShapeTimes } from './kernelTimes.ts'
 * @import { Choices } from '../src/variants/stored.ts'
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from '../scripts/arguments.mjs';
import { root } from '../scripts/system.mjs';
import { stamped } from './command.mjs';
import { benchServer } from './nodeServer.mjs';

const { values } = parseArgs({
  options: {
    net: { type: 'string', default: 'vgg16' },
    batch: { type: 'string', default: '1,8' },
    json: { type: 'string' },
    seed: { type: 'boolean' },
  },
});
const server = await benchServer();
const { requestNodeAdapter } = await server.ssrLoadModule('/src/node/dawn.ts');
/** @type {typeof import('./kernelTimes.ts')} */
const { kernelTimes, nameOf, seedOf } = /** @type {any} */ (await server.ssrLoadModule('/bench/kernelTimes.ts'));
const adapter = await requestNodeAdapter();
if (adapter.info.isFallbackAdapter) {
  console.error('The only adapter here computes on the CPU, which needs no tiles: nothing to be timed.');
  process.exit(2);
}

/** @type {ShapeTimes[]} */
const times = [];
for (const net of /** @type {ShapeTimes['net'][]} */ (values.net.split(','))) {
  for (const batch of values.batch.split(',').map(Number))
    times.push(...(await kernelTimes(adapter, net, batch, { onShape: show })));
}
const { vendor, architecture, device, description } = adapter.info;
const report = stamped(
  { environment: { date: new Date().toISOString(), adapter: { vendor, architecture, device, description } }, times },
  [],
);
if (values.json) writeFileSync(values.json, `${JSON.stringify(report)}\n`);
if (values.seed) {
  const path = join(root, 'src/variants/shippedChoices.json');
  writeSeed(path, { ...JSON.parse(readFileSync(path, 'utf8')), ...(await seedOf(adapter, times)) });
}
await server.close();
process.exit(0);

/** @param {ShapeTimes} times */
function show({ net, batch, shape, kernels, untuned }) {
  console.log(`${net}, batch ${batch}: ${shape}`);
  for (const { variant, milliseconds, share } of kernels) {
    const rate = `${(100 * share).toFixed(1)} %`.padStart(8);
    const time = `${milliseconds.toFixed(4)} ms`.padStart(12);
    const note = JSON.stringify(variant) === JSON.stringify(untuned) ? '   (untuned)' : '';
    console.log(`  ${rate}  ${time}  ${nameOf(variant)}${note}`);
  }
}

/**
 * A line for each shape, so that a change of one shows as one.
 *
 * @param {string} path
 * @param {Record<string, Choices>} seed
 */
function writeSeed(path, seed) {
  /** @param {[string, unknown]} entry */
  const line = ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`;
  const adapters = Object.entries(seed).map(
    ([key, choices]) => ` ${JSON.stringify(key)}: {\n${Object.entries(choices).map(line).join(',\n')}\n }`,
  );
  writeFileSync(path, `{\n${adapters.join(',\n')}\n}\n`);
}
