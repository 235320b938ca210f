/** The model, as many pictures want it: with a batch, and twice where one run can compute while another is read. */
import type { Engine, Model, ModelFile } from '../../index';
import type { Session } from '../session';
import type { Work } from './work';

export interface Lanes {
  /** All of one batch. */
  readonly models: readonly Model[];
  readonly batch: number;
  /** Another model of the same input and batch. */
  readonly load: (file: ModelFile) => Promise<Model>;
}

/** @param of `batch`: as it is wanted, or was before; `pictures`: how many there may be */
export async function lanesOf<Result>(
  engine: Engine,
  { signal, onProgress }: Pick<Session, 'signal' | 'onProgress'>,
  work: Work<Result>,
  of: { readonly batch: number | undefined; readonly pictures: number; readonly isMany: boolean },
): Promise<Lanes> {
  const { isFallbackAdapter } = engine.environment.adapter;
  const loadBy = (file: ModelFile, batch: number): Promise<Model> =>
    engine.load(file, { input: work.input, batch, signal, onProgress });
  let model = await loadBy(work.file, of.batch ?? work.batch ?? 1);
  if (of.batch === undefined && work.batch === null && !isFallbackAdapter) {
    const batch = batchBy(model, of.pictures);
    if (batch > 1) {
      model.dispose();
      model = await loadBy(work.file, batch);
    }
  }
  const [batch] = model.inputShape;
  const models = of.isMany && !isFallbackAdapter ? [model, await model.withBatch(batch)] : [model];
  return { models, batch, load: (file) => loadBy(file, batch) };
}

/** What two sets of activations may take of a GPU. */
const BUDGET_BYTES = 2 ** 30;
/** More pictures at once keep no GPU busier, and all of them are in memory, decoded. */
const MOST_AT_ONCE = 8;

/** A power of two, no larger than there are pictures. */
function batchBy({ memory: { activations, saved, scratch } }: Model, pictures: number): number {
  const most = Math.min(MOST_AT_ONCE, pictures, BUDGET_BYTES / (2 * Math.max(1, activations + saved + scratch)));
  return 2 ** Math.max(0, Math.floor(Math.log2(most)));
}
