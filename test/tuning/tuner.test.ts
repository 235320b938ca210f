import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { Device } from '../../src/gpu/device';
import {
  type TuningStore,
  adapterKey,
  memoryStore,
  shapeClass,
  storeChoices,
  storedChoices,
} from '../../src/variants/stored';
import { type TuningOptions, tuned } from '../../src/gpu/tuning/tuner';
import type { RunOptions } from '../../src/options';
import { fileStore } from '../../src/node/tuningFile';
import { variantsOf } from '../../src/variants/byDevice';
import type { ConvVariant, Variants } from '../../src/variants/variants';
import { Net, real } from '../ops/check';
import { nodeDevice } from '../node';

const PLAIN: ConvVariant = { family: 'direct', quads: false, unroll: 1 };
const ROLLED: ConvVariant = { family: 'direct', quads: true, unroll: 1 };
const QUADS: ConvVariant = { family: 'direct', quads: true, unroll: 3 };
const candidates = () => [PLAIN, ROLLED, QUADS];
/** Software adapters, which are never tuned in earnest, compile slowly. */
const milliseconds = 600_000;

/** Two convolutions of one shape class, and two of another each: by their windows, and by their channels. */
const graph = (() => {
  const net = new Net({ C: 8, H: 9, W: 12 }, 1, real);
  const same = { kernel: [3, 3], pads: [1, 1, 1, 1] } as const;
  const first = net.relu(net.conv('image', 8, same));
  const second = net.relu(net.conv(first, 8, same));
  const wide = net.relu(net.conv(second, 8, { kernel: [1, 3], pads: [0, 1, 0, 1] }));
  return net.graph(net.fullyConnected(net.relu(net.conv(wide, 4, { kernel: [1, 1] })), 3));
})();
const CLASSES = ['3×3 of 8→8', '1×3 of 8→8', '1×1 of 8→4', '1×1 of 4→8'].map((shape) => `${shape} at 2^7 pixels`);
const plan = (variants: Variants) => compile(graph, { batch: 1, bindingBytes: 2 ** 27, variants });

const lent = await nodeDevice();
afterAll(() => lent.device.destroy());
const deviceWith = (store: TuningStore, gpu = lent.device): Device =>
  new Device(gpu, { owned: false, info: lent.adapter.info, tuningStore: store });

/** A view of the device that compiles other shaders. */
const tampered = (change: (code: string) => string): GPUDevice =>
  new Proxy(lent.device, {
    get(device, name) {
      if (name === 'createShaderModule')
        return (descriptor: GPUShaderModuleDescriptor) =>
          device.createShaderModule({ ...descriptor, code: change(descriptor.code) });
      const value = Reflect.get(device, name, device) as unknown;
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(device) : value;
    },
  });

const tune = (device: Device, { candidates: which, ...run }: RunOptions & TuningOptions): Promise<Variants> =>
  device.calls.run(run, (call) => tuned(device, plan, call, { ...(which ? { candidates: which } : {}), milliseconds }));

describe('the tuner', () => {
  test('chooses a candidate for every shape, keeps it, and the next engine uses it without trying', async () => {
    const store = memoryStore();
    const device = deviceWith(store);
    const phases: string[] = [];
    await tune(device, { onProgress: ({ phase }) => phases.push(phase), candidates });
    expect(new Set(phases)).toEqual(new Set(['tune']));
    const { adapter, features } = device.environment;
    const kept = await storedChoices(store, adapterKey(adapter, features));
    expect(Object.keys(kept).toSorted(), 'of both directions').toEqual(CLASSES.toSorted());
    Object.values(kept).forEach((variant) => expect(candidates()).toContainEqual(variant));

    const again = deviceWith(
      store,
      tampered(() => {
        throw new Error('nothing is compiled');
      }),
    );
    const variants = await tune(again, { candidates });
    const asked = new Map<string, ConvVariant>();
    plan({
      ...variantsOf(device),
      conv: (d) => {
        asked.set(shapeClass(d), variants.conv(d));
        return PLAIN;
      },
    });
    expect(Object.fromEntries(asked)).toEqual(kept);
  });

  test('never lets a kernel win that computes something else', async () => {
    const store = memoryStore();
    // the driver's fault: with quads, one lane's weights go to another
    const device = deviceWith(
      store,
      tampered((code) => code.replaceAll('(quarter0, 1u)', '(quarter0, 2u)')),
    );
    await tune(device, { candidates: () => [PLAIN, QUADS] });
    const { adapter, features } = device.environment;
    const kept = Object.values(await storedChoices(store, adapterKey(adapter, features)));
    expect(kept).toEqual(CLASSES.map(() => PLAIN));
  });

  test("falls back on the device's own choice where what is stored is no candidate any more", async () => {
    const store = memoryStore();
    const device = deviceWith(store);
    const { adapter, features } = device.environment;
    const gone: Record<string, ConvVariant> = {};
    plan({
      ...variantsOf(device),
      conv: (d) => {
        gone[shapeClass(d)] = { family: 'direct', quads: true, unroll: 99 };
        return PLAIN;
      },
    });
    await storeChoices(store, adapterKey(adapter, features), gone);
    const variants = await tune(device, { candidates });
    plan({
      ...variantsOf(device),
      conv: (d) => {
        expect(variants.conv(d)).toEqual(variantsOf(device).conv(d));
        return PLAIN;
      },
    });
  });

  test('stops when it is told to, and gives back what it took', async () => {
    const device = deviceWith(memoryStore());
    const before = device.bytes.live;
    const stop = new AbortController();
    await expect(
      tune(device, {
        signal: stop.signal,
        onProgress: () => stop.abort(new Error('enough')),
        candidates,
      }),
    ).rejects.toThrow('enough');
    expect(device.bytes.live).toBe(before);
  });
});

describe('what was found out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gradlens-tuning-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('survives in a file, beside what was there', async () => {
    const path = join(folder, 'deep', 'tuning.json');
    await storeChoices(fileStore(path), 'card A', { shape: PLAIN });
    await storeChoices(fileStore(path), 'card B', { shape: QUADS });
    await storeChoices(fileStore(path), 'card A', { other: QUADS });
    expect(await storedChoices(fileStore(path), 'card A')).toEqual({ shape: PLAIN, other: QUADS });
    expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')) as object)).toEqual(['card A', 'card B']);
  });

  test.each([
    ['nonsense', '{"card A": "[1, 2'],
    ['no object', '{"card A": "[1]"}'],
    ['no JSON', '<html>'],
  ])('is nothing where the file holds %s', async (_, text) => {
    const path = join(folder, 'broken.json');
    writeFileSync(path, text);
    expect(await storedChoices(fileStore(path), 'card A')).toEqual({});
  });

  test('belongs to one adapter, one driver and one generator of kernels', () => {
    const adapter = { vendor: 'nvidia', architecture: 'hopper', device: '', description: 'H200, driver 570' };
    expect(adapterKey(adapter, ['subgroups'])).not.toBe(
      adapterKey({ ...adapter, description: 'H200, driver 580' }, ['subgroups']),
    );
    expect(adapterKey(adapter, ['subgroups'])).not.toBe(adapterKey(adapter, []));
  });
});
