/** Class models that the page's worker holds between two of the page's questions. */
import { expect, test } from 'vitest';
import type { Model } from '../../src';
import { type Advance, advance, ascend } from '../../src/demo/worker/ascents';
import { engineOn, graph, preparation as input } from '../methods/support';

const request = { target: [2], iterations: 12, seed: 3, jitter: 2 } as const;

/** From the first question to the last; after the third the model is gone, if it is to be, and another in its place. */
async function made(load: () => Promise<Model>, isLost: boolean): Promise<Advance> {
  let model = await load();
  const id = ascend(model, request);
  for (let question = 1; ; question++) {
    const step = await advance(id, 0, async () => model, new AbortController().signal);
    if (step.finished) return step;
    if (!isLost || question !== 3) continue;
    model.dispose();
    model = await load();
  }
}

test('one that rests while the GPU is lost goes on by the next model, to the same bits', async () => {
  using engine = await engineOn();
  const load = (): Promise<Model> => engine.load(graph, { input });
  const [alone, resumed] = [await made(load, false), await made(load, true)];
  expect(resumed.iteration).toBe(request.iterations);
  expect(resumed.finished!.data).toEqual(alone.finished!.data);
});
