/** A picture changed until the network takes it for something else, and what it looks at before and after. */
import {
  type Attack,
  type AttackOptions,
  type Heatmap,
  type ImageInput,
  type Model,
  type RunOptions,
  saliency,
} from '../../index';
import type { Pixels } from '../../image/pixels';
import { attack } from '../../methods/attack';

export type AttackRequest = Pick<AttackOptions, 'norm' | 'epsilon' | 'steps' | 'target'>;

/** The pictures are as the network sees them. */
export interface Attacked extends Pick<Attack, 'before' | 'after' | 'length' | 'succeeded' | 'meta'> {
  readonly picture: Pixels;
  /** Ten times as large, on middle grey. */
  readonly change: Pixels;
  /** Of the picture as it was and as it is now, each for what the network says it is. */
  readonly maps: { readonly before: Heatmap; readonly after: Heatmap };
}

export async function attacked(
  model: Model,
  image: ImageInput,
  { signal, onProgress, ...request }: AttackRequest & RunOptions,
): Promise<Attacked> {
  const run = signal ? { signal } : {};
  const found = await attack(model, image, { ...request, ...run, ...(onProgress && { onProgress }) });
  const { before, after, length, succeeded, meta } = found;
  const maps = {
    before: await saliency(model, image, { class: before.class, ...run }),
    after: await saliency(model, found.image, { class: after.class, ...run }),
  };
  return { before, after, length, succeeded, meta, picture: found.picture(), change: found.changePicture(), maps };
}
