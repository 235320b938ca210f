/**
 * Thousands of calls, hundreds of loads and dozens of starts: what grows meanwhile, which is nothing. Prints its
 * figures. Resident memory is that of this process, where Dawn and the driver live.
 */
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildOnce, folder, gradlens, jsonLines, writePicture, writeTiny } from '../cli/gradlens';
import { nodeDrivers } from '../node';
import { Net, real } from '../ops/check';
import { CALLS } from './injection';
import { engineOn, small, smallInput } from './support';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const MIB = 2 ** 20;

/** MiB of this process, after collections: what the first one finds of the device's is let go in a later turn. */
async function sample(): Promise<{ resident: number; heap: number }> {
  for (let k = 0; k < 5; k++) {
    await new Promise((done) => setTimeout(done, 100));
    collect();
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { resident: rss / MIB, heap: (heapUsed + arrayBuffers) / MIB };
}

/** A net with so many MiB of weights. */
function heavy(mebibytes: number) {
  const inputs = (mebibytes * MIB) / 4 / 512;
  const net = new Net({ C: inputs, H: 1, W: 1 }, 1, real);
  return net.graph(net.fullyConnected(net.relu(net.fullyConnected('image', 512)), 3));
}

describe.each(nodeDrivers.slice(0, 1))('on %s', (driver) => {
  test('2,000 mixed calls', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small, { input: smallInput, tune: false });
    const runs = Object.entries(CALLS);
    const right = new Map<string, readonly number[]>();
    for (const [name, run] of runs) right.set(name, await run(model, {}, engine.device));
    for (let k = 0; k < 400; k++) await runs[k % runs.length]![1](model, {}, engine.device);
    const [before, { live }] = [await sample(), engine.memory()];
    for (let k = 0; k < 2000; k++) {
      const [name, run] = runs[k % runs.length]!;
      expect(await run(model, {}, engine.device), `${name}, call ${k}`).toEqual(right.get(name));
    }
    const after = await sample();
    console.log(`2,000 mixed calls: ${JSON.stringify({ before, after })}`);
    expect(engine.memory().live).toBe(live);
    expect(after.resident - before.resident).toBeLessThan(20);
    expect(after.heap - before.heap).toBeLessThan(2);
  });

  test('200 loads, a hundred of which never run', async () => {
    using engine = await engineOn(driver);
    const graph = heavy(8);
    const image = { data: new Float32Array(graph.input.extents.C).fill(1), shape: [graph.input.extents.C, 1, 1] };
    const load = async (k: number): Promise<void> => {
      using model = await engine.load(graph, { tune: false });
      if (k % 2 === 0) await model.inputGradient(image, { class: 0 });
    };
    for (let k = 0; k < 20; k++) await load(k);
    const before = await sample();
    for (let k = 0; k < 200; k++) await load(k);
    const after = await sample();
    console.log(`200 loads of 8 MiB: ${JSON.stringify({ before, after })}`);
    expect(engine.memory().live).toBe(0);
    expect(after.resident - before.resident).toBeLessThan(20);
  });

  test.each(['disposed', 'aborted', 'run'])('ten loads of a net of 125 MiB, %s', async (how) => {
    using engine = await engineOn(driver);
    const graph = heavy(125);
    const image = { data: new Float32Array(graph.input.extents.C).fill(1), shape: [graph.input.extents.C, 1, 1] };
    const load = async (): Promise<void> => {
      const controller = new AbortController();
      const { signal } = controller;
      const onProgress = ({ phase, done }: { phase: string; done: number }): void => {
        if (how === 'aborted' && phase === 'upload' && done > 100 * MIB) controller.abort();
      };
      await engine.load(graph, { tune: false, signal, onProgress }).then(
        async (model) => {
          if (how === 'run') await model.inputGradient(image, { class: 0 });
          model.dispose();
        },
        () => {},
      );
    };
    await load();
    const before = await sample();
    for (let k = 0; k < 10; k++) await load();
    const after = await sample();
    console.log(`ten loads of 125 MiB, ${how}: ${JSON.stringify({ before, after })}`);
    expect(engine.memory().live).toBe(0);
    expect(after.resident - before.resident).toBeLessThan(20);
  });
});

describe('the command', () => {
  beforeAll(buildOnce);

  test('starts 50 times, each with the same answer', async () => {
    const home = folder();
    const args = [await writePicture(join(home, 'a.png'), 20, 14), '--model', await writeTiny(home), '--json'];
    const answers = new Set<string>();
    for (let k = 0; k < 50; k++) {
      const { code, stdout, complaints } = await gradlens(['classify', ...args]);
      expect({ code, complaints }).toEqual({ code: 0, complaints: [] });
      answers.add(JSON.stringify(jsonLines(stdout).map(({ classes }) => classes)));
    }
    expect(answers.size).toBe(1);
    expect([...answers][0]).toContain('cat');
  });
});
