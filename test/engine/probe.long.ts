/** Probes of 24 random nets, of SqueezeNet and of the nets that ship, on every driver: `probe.test.ts` has a sample. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import { fetchInNode } from '../../src/node/index';
import { SHIPPED_MODELS } from '../../src/publicModels';
import { DATA, data } from '../needs';
import { nodeDrivers } from '../node';
import { kinkMargin } from '../oracle/kinks';
import { runGraph } from '../oracle/network';
import { normals, seededRandom } from '../oracle/random';
import { RULES, expectProbed, expectRandomProbed, someTensors } from './probing';
import { engineOn, sharedDevice } from './support';

describe.each(nodeDrivers)('on %s', (driver) => {
  const nets = Array.from({ length: 24 }, (_, seed) => seed);
  const batches = [1, 2, 3];
  test.each(nets.flatMap((seed) => batches.map((batch) => [seed, batch] as const)))(
    'random net %i, batch %i',
    async (seed, batch) => {
      using engine = await engineOn(driver);
      const count = 1 + ((seed + batch) % 5);
      await expectRandomProbed(engine, seed, { batch, count, rules: RULES });
    },
  );

  /** A net of a file, at the inputs of a few that stay furthest from where the gradient jumps. */
  async function expectFileProbed(source: string | ArrayBuffer, batch: number, count: number): Promise<void> {
    using engine = await Engine.create({ device: (await sharedDevice(driver)).device, fetchBytes: fetchInNode });
    using model = await engine.load(source, { batch });
    const { graph } = model.file;
    const { C, H, W } = graph.input.extents;
    const items = Array.from({ length: 2 * batch }, (_, k) => normals(seededRandom(k + 1), C * H * W))
      .map((item) => ({ item, margin: kinkMargin(runGraph(graph, item), graph) }))
      .toSorted((a, b) => b.margin - a.margin)
      .slice(0, batch);
    const names = someTensors(graph, count, count);
    const { steps } = (await model.probe(names)).plan;
    expect(steps - model.plan.steps, 'dispatches beyond those of a class').toBeLessThanOrEqual(2 * count);
    await expectProbed(
      model,
      items.map(({ item }) => item),
      { names, rules: RULES },
    );
  }

  test.each(Object.keys(SHIPPED_MODELS).flatMap((name, k) => [[name, 1, 1 + k] as const, [name, 1 + (k % 3), 5 - k]]))(
    '%s, batch %i, %i tensors',
    async (name, batch, count) => expectFileProbed(name, batch, count),
  );

  test('SqueezeNet', DATA, async () => {
    await expectFileProbed(Uint8Array.from(readFileSync(join(data, 'weights/squeezenet1.1.onnx'))).buffer, 1, 3);
  });
});
