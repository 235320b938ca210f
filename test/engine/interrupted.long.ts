/** Each public call a hundred times beside others, aborted at random, and with its model disposed at random. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import { seededRandom } from '../oracle/random';
import { nodeDrivers } from '../node';
import { CALLS } from './injection';
import { deviceOf, small, smallInput } from './support';

const TRIES = 100;
const options = { input: smallInput, tune: false };
const names = Object.keys(CALLS);
const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));
const outcomeOf = (call: Promise<unknown>): Promise<{ value?: unknown; error?: unknown }> =>
  call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );

/** An engine on a host's device, and what reaches the host's handler. */
async function hosted(driver: (typeof nodeDrivers)[number]) {
  const device = await deviceOf(driver);
  const uncaught: string[] = [];
  device.addEventListener('uncapturederror', ({ error }) => uncaught.push(error.message));
  return { engine: await Engine.create({ device }), device, uncaught };
}

describe.each(nodeDrivers.slice(0, 1))('on %s', (driver) => {
  test.each(names)('%s', async (name) => {
    const { integer } = seededRandom(names.indexOf(name));
    const { engine, device, uncaught } = await hosted(driver);
    const model = await engine.load(small, options);
    const right = new Map<string, unknown>();
    for (const each of names) right.set(each, await CALLS[each]!(model, {}, device));
    const began = performance.now();
    await CALLS[name]!(model, {}, device);
    const longest = Math.ceil((performance.now() - began) * 1.3);
    let [answered, aborted, disposed] = [0, 0, 0];

    for (let k = 0; k < TRIES; k++) {
      const other = names[integer(0, names.length - 1)]!;
      const [own, beside] = await Promise.all([CALLS[name]!(model, {}, device), CALLS[other]!(model, {}, device)]);
      expect(own, `beside ${other}`).toEqual(right.get(name));
      expect(beside, other).toEqual(right.get(other));
    }
    // what overlapping calls read into is kept for the next
    const { live } = engine.memory();
    for (let k = 0; k < TRIES; k++) {
      const controller = new AbortController();
      const reason = new Error(`try ${k}`);
      const call = outcomeOf(CALLS[name]!(model, { signal: controller.signal }, device));
      await pause(integer(0, longest));
      controller.abort(reason);
      const ended = await Promise.race([call, pause(100)]);
      expect(ended, `try ${k}: it ends at once`).toBeDefined();
      const { value, error } = ended as { value?: unknown; error?: unknown };
      if (error === undefined) expect(value).toEqual(right.get(name));
      else expect(error).toBe(reason);
      if (error === undefined) answered++;
      else aborted++;
      expect(await CALLS[name]!(model, {}, device), `try ${k}: the next call`).toEqual(right.get(name));
      expect(engine.memory().live).toBeLessThanOrEqual(live);
    }
    model.dispose();
    for (let k = 0; k < TRIES; k++) {
      const brief = await engine.load(small, options);
      const call = outcomeOf(CALLS[name]!(brief, {}, device));
      await pause(integer(0, longest));
      brief.dispose();
      const { value, error } = await call;
      if (error === undefined) expect(value).toEqual(right.get(name));
      else expect(error).toMatchObject({ name: 'GradlensError', code: 'disposed' });
      if (error !== undefined) disposed++;
      await pause(30);
      expect(engine.memory().live, `try ${k}: bytes`).toBe(0);
    }
    engine.dispose();
    await device.queue.onSubmittedWorkDone();
    expect(uncaught).toEqual([]);
    console.log(`${name}: ${JSON.stringify({ answered, aborted, disposed })}, up to ${longest} ms`);
    device.destroy();
  });
});
