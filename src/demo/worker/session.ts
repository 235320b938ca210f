/**
 * An engine with one network on it, in as many batches as its uses need. When the browser loses the GPU, both are made
 * anew: what the worker knows of the network is enough for that, and nothing is fetched again.
 */
import {
  type CheckReport,
  Engine,
  type Environment,
  GradlensError,
  type LoadOptions,
  type Model,
  type ModelFile,
  type RunOptions,
} from '../../index';
import { fetchOverHttp, loadModelFile, type ModelSource } from '../../load';
import { recover, sleep } from './recovery';

/** Copies of the weights for other batches are made up to this size. */
const MOST_COPIED_BYTES = 64 * 2 ** 20;

interface Network {
  readonly file: ModelFile;
  readonly options: LoadOptions;
  readonly models: Map<number, Model>;
}

/** What stands in the place of a device that was lost. */
export interface Restored {
  readonly environment: Environment;
  readonly check: CheckReport;
}

interface LossListeners {
  /** The GPU is gone. What this waits for, the recovery waits for. */
  readonly lost: (reason: string) => Promise<void>;
  readonly restored: (restored: Restored) => void;
  readonly gone: (error: unknown) => void;
}

/** The engine that computes now, or the attempt to get one. None before the first attempt, and after a failed one. */
let engine: Promise<Engine> | undefined;
/** Whose loss is answered. */
let created: Engine | undefined;
let network: Network | undefined;
let losses = 0;
let listeners: LossListeners = { lost: async () => {}, restored: () => {}, gone: () => {} };

export function listenForLoss(to: LossListeners): void {
  listeners = to;
}

/** The engine; a new one if there is none. After a loss it comes with the network on it, and passed its self-test. */
export function theEngine(): Promise<Engine> {
  engine ??= forgottenIfItFails(created ? recreate() : create());
  return engine;
}

/** What a call fails with may come before the news that the GPU is lost. */
const NEWS_MILLISECONDS = 500;

/** Errors that say what is wrong with a file or a choice are none of a loss. */
const mayBeLoss = (error: unknown): boolean =>
  !(error instanceof GradlensError) || !['model-format', 'shape', 'network', 'unsupported-op'].includes(error.code);

/**
 * Runs something that needs the GPU. Whatever it fails with when the GPU was lost meanwhile, it failed by that.
 *
 * @throws GradlensError `device-lost`, and as `use`
 */
export async function onTheGpu<Result>(use: () => Promise<Result>): Promise<Result> {
  const before = losses;
  try {
    return await use();
  } catch (cause) {
    if (mayBeLoss(cause)) await Promise.race([created?.lost, sleep(NEWS_MILLISECONDS)]);
    await sleep(0); // until the listener has heard of it, too
    if (losses === before) throw cause;
    throw new GradlensError('device-lost', 'the GPU was lost', {}, { cause });
  }
}

/** Settles when a lost GPU is there again; rejects where it does not come back. */
export async function restored(): Promise<void> {
  await theEngine();
}

const forgottenIfItFails = (promise: Promise<Engine>): Promise<Engine> => {
  promise.catch(() => {
    if (engine === promise) engine = undefined;
  });
  return promise;
};

async function create(): Promise<Engine> {
  return watched(await Engine.create());
}

/** @throws GradlensError `validation` if the self-test fails there */
async function recreate(): Promise<Engine> {
  const host = await Engine.create();
  try {
    const check = await host.check();
    if (!check.ok) throw new GradlensError('validation', `The GPU came back and computes wrongly: ${check.message}`);
    if (network) {
      const { file, options } = network;
      network = { file, options, models: new Map([[1, await host.load(file, options)]]) };
    }
    listeners.restored({ environment: host.environment, check });
    return watched(host);
  } catch (error) {
    host.dispose();
    throw error;
  }
}

/** @throws GradlensError `no-adapter` */
async function comeBack(reason: string): Promise<Engine> {
  await listeners.lost(reason);
  try {
    return await recover(recreate);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GradlensError('no-adapter', `The GPU does not come back. ${why}`, {}, { cause });
  }
}

function watched(host: Engine): Engine {
  created = host;
  void host.lost.then(({ reason, message }) => {
    losses += 1;
    const attempt = forgottenIfItFails(comeBack(message || reason));
    engine = attempt;
    host.dispose();
    attempt.catch(listeners.gone);
  });
  return host;
}

/** Puts a network in the place of the one that is there, which stays if this fails. */
export async function loadNetwork(source: ModelSource, options: LoadOptions): Promise<Model> {
  const host = await theEngine();
  const file = await loadModelFile(source, fetchOverHttp, options);
  const { size, output, fixed, ...read } = options; // said of the file, which is read now
  const { signal, onProgress, ...kept } = read;
  const model = await host.load(file, read);
  if (signal?.aborted) model.dispose();
  signal?.throwIfAborted();
  for (const old of network?.models.values() ?? []) old.dispose();
  network = { file, options: kept, models: new Map([[1, model]]) };
  return model;
}

/** The network for that many pictures at once, or for one, where its weights are too large to be there twice. */
export async function theModel(batch = 1, options: RunOptions = {}): Promise<Model> {
  const host = await theEngine(); // after a loss it has the network, too
  if (!network) throw new GradlensError('disposed', 'no network is loaded');
  const { file, models, options: loading } = network;
  const single = models.get(1)!;
  const wanted = single.memory.weights > MOST_COPIED_BYTES ? 1 : batch;
  const found = models.get(wanted);
  if (found) return found;
  const model = await host.load(file, { ...loading, ...options, batch: wanted });
  models.set(wanted, model);
  return model;
}

/** Another network for the length of one use: the same with other weights. */
export async function withFile<Result>(
  change: (file: ModelFile) => ModelFile,
  use: (model: Model) => Promise<Result>,
  options: RunOptions,
): Promise<Result> {
  const host = await theEngine();
  if (!network) throw new GradlensError('disposed', 'no network is loaded');
  const model = await host.load(change(network.file), { ...network.options, ...options });
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}
