/** An engine with one network on it, in as many batches as its uses need. */
import { Engine, GradlensError, type LoadOptions, Model, type ModelFile, type RunOptions } from '../../index';
import { fetchOverHttp, loadModelFile, type ModelSource } from '../../load';

/** Copies of the weights for other batches are made up to this size. */
const MOST_COPIED_BYTES = 64 * 2 ** 20;

interface Network {
  readonly file: ModelFile;
  readonly options: LoadOptions;
  readonly models: Map<number, Model>;
}

let engine: Promise<Engine> | undefined;
let network: Network | undefined;
let onLost: (reason: string) => void = () => {};

export function listenForLoss(listener: (reason: string) => void): void {
  onLost = listener;
}

/** The engine; a new one if there is none, or if the device of the one before was lost. */
export function theEngine(): Promise<Engine> {
  engine ??= create();
  return engine;
}

async function create(): Promise<Engine> {
  try {
    const created = await Engine.create();
    void created.lost.then(({ reason, message }) => {
      engine = network = undefined;
      created.dispose();
      if (reason !== 'destroyed') onLost(message || reason);
    });
    return created;
  } catch (error) {
    engine = undefined;
    throw error;
  }
}

/** Puts a network in the place of the one that is there, which stays if this fails. */
export async function loadNetwork(source: ModelSource, options: LoadOptions): Promise<Model> {
  const host = await theEngine();
  const file = await loadModelFile(source, fetchOverHttp, options);
  const { signal, onProgress, ...kept } = options;
  const model = await host.load(file, options);
  if (signal?.aborted) model.dispose();
  signal?.throwIfAborted();
  for (const old of network?.models.values() ?? []) old.dispose();
  network = { file, options: kept, models: new Map([[1, model]]) };
  return model;
}

/** The network for that many pictures at once, or for one, where its weights are too large to be there twice. */
export async function theModel(batch = 1, options: RunOptions = {}): Promise<Model> {
  if (!network) throw new GradlensError('disposed', 'no network is loaded');
  const { file, models, options: loading } = network;
  const single = models.get(1)!;
  const wanted = single.memory.weights > MOST_COPIED_BYTES ? 1 : batch;
  const found = models.get(wanted);
  if (found) return found;
  const model = await (await theEngine()).load(file, { ...loading, ...options, batch: wanted });
  models.set(wanted, model);
  return model;
}

/** Another network for the length of one use: the same with other weights. */
export async function withFile<Result>(
  change: (file: ModelFile) => ModelFile,
  use: (model: Model) => Promise<Result>,
  options: RunOptions,
): Promise<Result> {
  if (!network) throw new GradlensError('disposed', 'no network is loaded');
  const model = await (await theEngine()).load(change(network.file), { ...network.options, ...options });
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}
