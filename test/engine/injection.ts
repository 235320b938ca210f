/** What becomes of the public calls when one of their GPU calls goes wrong. */
import { expect } from 'vitest';
import { Engine } from '../../src/engine';
import { GradlensError } from '../../src/errors';
import type { Model } from '../../src/model';
import { classModel } from '../../src/methods/classModel';
import { saliency } from '../../src/methods/saliency';
import { smoothGrad } from '../../src/methods/smoothGrad';
import type { RunOptions } from '../../src/options';
import { type NodeDriver, nodeDevice } from '../node';
import { type Fault, FAULTS, type Injected, canFail, hostOf, injected } from './injected';
import { imageOf, prepared, small, smallInput } from './support';

const image = prepared(small, imageOf(small));
const picture = { data: Uint8Array.from({ length: 16 * 14 * 4 }, (_, i) => (i * 37) % 256), width: 16, height: 14 };

/** The numbers of a call. */
type Answer = readonly number[];
type Run = (model: Model, options: RunOptions, device: GPUDevice) => Promise<Answer>;

/** The public calls, each small. `load` is made of a new engine. */
export const CALLS: Readonly<Record<string, Run>> = {
  gradient: async (model, options) => [...(await model.inputGradient(image, { class: 1, ...options })).gradient],
  'top1 of a picture': async (model, options) => [
    ...(await model.inputGradient(picture, { class: 'top1', ...options })).gradient,
  ],
  'three classes': async (model, options) => [
    ...(await model.inputGradient(image, { class: [0, 2, 4], ...options })).gradient,
  ],
  'a neuron': async (model, options) => [
    ...(await model.inputGradient(image, { class: { tensor: 'conv2', channel: 1 }, ...options })).gradient,
  ],
  'ten views': async (model, options) => [
    ...(await saliency(model, picture, { class: 1, views: 10, ...options })).data,
  ],
  SmoothGrad: async (model, options) => [
    ...(await smoothGrad(model, picture, { class: 1, samples: 3, ...options })).data,
  ],
  'class model': async (model, options) => {
    const run = classModel(model, { class: 1, iterations: 3, preset: 'vivid', ...options });
    try {
      for (;;) {
        const step = await run.next();
        if (step.done) return [...step.value.data];
        await step.value.preview();
      }
    } finally {
      await run.return(undefined as never);
    }
  },
  'layer gradient': async (model, options) => [
    ...(await model.layerGradient(image, { tensor: 'relu2', class: 1, ...options })).gradient,
  ],
  probe: async (model, options) => {
    const probe = await model.probe(['relu2'], options);
    const { gradient } = await probe.vjp(image, ({ relu2 }) => ({ relu2: relu2! }), options);
    return [...gradient];
  },
  // of a model of its own, which has recorded nothing yet
  'a recording': async (model, options, device) => {
    using own = await model.withBatch(1, options);
    const first = await recordedBy(own, device).catch((error: unknown) => {
      if (error instanceof HostsError) return error;
      throw error;
    });
    if (!(first instanceof HostsError)) return first;
    await recordedBy(own, device); // whatever was invalid is not kept
    throw first;
  },
  profile: async (model, options) => {
    const { steps } = await model.profile(image, { class: 1, ...options });
    return [steps.length];
  },
};

/** What the device tells a host of the commands that were recorded for it. */
class HostsError extends GradlensError {}

/** The gradient of the best class, and its map as numbers and as a picture, by a host's own encoder and buffers. */
async function recordedBy(model: Model, device: GPUDevice): Promise<Answer> {
  const host = hostOf(device);
  const [, C, H, W] = model.inputShape;
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const sizes = { gradient: C * H * W * 4, numbers: H * W * 4, picture: H * W * 4 };
  const bytes = sizes.gradient + sizes.numbers + sizes.picture;
  const output = host.device.createBuffer({ size: bytes, usage: STORAGE | COPY_SRC | COPY_DST });
  const copy = host.device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST });
  const texture = host.device.createTexture({
    size: [picture.width, picture.height],
    format: 'rgba8unorm',
    usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
  });
  const { width, height } = picture;
  host.device.queue.writeTexture({ texture }, picture.data, { bytesPerRow: width * 4 }, [width, height]);
  try {
    const { encoder, read } = host.encoder();
    const [numbers, drawn] = [sizes.gradient, sizes.gradient + sizes.numbers];
    const common = { input: texture, class: 'top1' } as const;
    model.encodeGradient(encoder, { ...common, output });
    model.encodeMap(encoder, { ...common, restart: true, output: { buffer: output, offset: numbers } });
    model.encodeMap(encoder, { ...common, colours: 'viridis', output: { buffer: output, offset: drawn } });
    const error = await read(output, copy);
    if (error) throw new HostsError('validation', `the host is told: ${error.message}`);
    await copy.mapAsync(GPUMapMode.READ).catch(async (error: unknown) => {
      throw new GradlensError('device-lost', `${String(error)}, ${(await host.device.lost).message}`);
    });
    return [...new Uint32Array(copy.getMappedRange())];
  } finally {
    for (const own of [output, copy, texture]) own.destroy();
  }
}

/** A device, an engine and a model, with what its calls answer when nothing goes wrong. */
interface Bench {
  readonly real: GPUDevice;
  readonly injected: Injected;
  readonly engine: Engine;
  readonly model: Model;
  /** Calls that have run once, and the bytes that are live since then: some is allocated once and kept. */
  readonly known: Set<string>;
  live: number;
}

const load = (engine: Engine, options: RunOptions = {}): Promise<Model> =>
  engine.load(small, { input: smallInput, tune: false, ...options });

/** Injections on a driver, one after the other. */
export function injectionOn(driver: NodeDriver) {
  const right = new Map<string, Answer>();
  const counts = new Map<string, readonly string[]>();
  let current: Bench | null = null;

  /** The GPU calls of a public call, by name and in order. */
  async function callsOf(name: string): Promise<readonly string[]> {
    const known = counts.get(name);
    if (known) return known;
    if (name === 'load') {
      const bench = await ready('gradient');
      bench.injected.arm();
      const engine = await Engine.create({ device: injectedAgain(bench) });
      (await load(engine)).dispose();
      engine.dispose();
      counts.set(name, [...bench.injected.calls]);
    } else {
      const bench = await ready(name);
      bench.injected.arm();
      await CALLS[name]!(bench.model, {}, bench.injected.device);
      counts.set(name, [...bench.injected.calls]);
    }
    return counts.get(name)!;
  }

  /** All injections into a call: which of its GPU calls, and how it fails. */
  async function all(name: string): Promise<readonly { readonly k: number; readonly fault: Fault }[]> {
    const calls = await callsOf(name);
    return calls.flatMap((call, k) => FAULTS.filter((fault) => canFail(call, fault)).map((fault) => ({ k, fault })));
  }

  /** Does it once, and expects what is promised. */
  async function inject(name: string, k: number, fault: Fault): Promise<void> {
    const calls = await callsOf(name);
    const what = `${name}: ${fault} at call ${k}, ${calls[k]}`;
    const bench = await ready(name === 'load' ? 'gradient' : name);
    const { injected: device, engine } = bench;
    const own = name === 'load' ? await Engine.create({ device: injectedAgain(bench) }) : engine;
    const controller = new AbortController();
    const reason = new Error('nobody waits any longer');
    const options = fault === 'silence' ? { signal: controller.signal } : {};
    device.arm(fault, k);
    const call =
      name === 'load'
        ? load(own, options).then((model) => model.dispose())
        : CALLS[name]!(bench.model, options, device.device);
    const outcome = call.then(
      (value) => ({ value }) as const,
      (error: unknown) => ({ error }) as const,
    );
    const soon = async (milliseconds: number) =>
      Promise.race([outcome, new Promise<null>((done) => setTimeout(() => done(null), milliseconds))]);
    let settled = await soon(fault === 'silence' ? 60 : 5000);
    if (settled === null && fault === 'silence') {
      controller.abort(reason);
      settled = await soon(100);
      expect(settled, `${what}: an abort is answered`).not.toBeNull();
      if ('error' in settled!) expect(settled, what).toEqual({ error: reason });
    }
    const { fired } = device;
    device.arm();
    if (name !== 'load' && !fired) return; // a profile makes as many calls as its times ask for
    expect(settled, `${what}: it settles`).not.toBeNull();
    if ('value' in settled!) {
      const answer = right.get(name);
      if (answer && fault !== 'loss') expect(settled.value, `${what}: a number, so the right one`).toEqual(answer);
    } else if (fault !== 'silence') {
      const codes = { oom: 'out-of-memory', loss: 'device-lost' } as Partial<Record<Fault, string>>;
      const told = settled!.error instanceof HostsError ? 'validation' : codes[fault];
      const code = told ?? expect.stringMatching(/^(validation|shader)$/);
      expect(settled!.error, what).toMatchObject({ name: 'GradlensError', code });
    }
    expect(device.open, `${what}: scopes that are left open`).toBe(0);
    if (name === 'load') {
      expect(own.memory().live, `${what}: bytes of a load`).toBe(0);
      own.dispose();
    }
    if (fault === 'loss') {
      await expect(bench.model.scores(image), `${what}: every later call says so`).rejects.toMatchObject({
        code: 'device-lost',
      });
      engine.dispose();
      expect(engine.memory().live, `${what}: bytes after a loss`).toBe(0);
      current = null;
      return;
    }
    if (name === 'load') {
      const again = await Engine.create({ device: injectedAgain(bench) });
      const model = await load(again);
      expect([...(await model.inputGradient(image, { class: 1 })).gradient], `${what}: the next load`).toEqual(
        right.get('gradient') ?? expect.any(Array),
      );
      again.dispose();
    } else {
      const next = await CALLS[name]!(bench.model, {}, device.device);
      expect(next, `${what}: the next call`).toEqual(right.get(name));
      expect(engine.memory().live, `${what}: bytes`).toBeLessThanOrEqual(bench.live);
    }
    await device.device.queue.onSubmittedWorkDone();
    await new Promise((done) => setTimeout(done, 0));
    expect(device.uncaught, `${what}: errors that reach the host`).toEqual([]);
  }

  function dispose(): void {
    current?.engine.dispose();
    current?.real.destroy();
    current = null;
  }

  /** Where that call has run once. */
  async function ready(name: string): Promise<Bench> {
    const bench = (current ??= await fresh());
    if (!bench.known.has(name)) {
      right.set(name, await CALLS[name]!(bench.model, {}, bench.injected.device));
      bench.known.add(name);
      bench.live = bench.engine.memory().live;
    }
    return bench;
  }

  async function fresh(): Promise<Bench> {
    const { device: real } = await nodeDevice(driver);
    const device = injected(real);
    const engine = await Engine.create({ device: device.device });
    return { real, injected: device, engine, model: await load(engine), known: new Set(), live: 0 };
  }

  return { all, inject, dispose };
}

/** The same device under another identity, so that nothing of it is compiled yet. */
const injectedAgain = ({ injected: { device } }: Bench): GPUDevice =>
  new Proxy(device, {
    get: (object, name) => Reflect.get(object, name, object) as unknown,
  });
