/** The methods, of which the page opens with the paper's; the others are fetched when one of them is asked for. */
import type { ImageInput } from '../../image/pixels';
import type { Heatmap, Method, MethodName, MethodValues, Model, RunOptions } from '../../index';
import { saliencyMethod } from '../../methods/saliency';

export interface MapMaker {
  /** The batch that the model is best loaded with. */
  readonly batch: number;
  make(model: Model, image: ImageInput, chosen: number | 'top1', run: RunOptions): Promise<Heatmap>;
}

/** @param values all of the method's, as the page's fields give them */
export async function mapMaker(name: MethodName, values: MethodValues): Promise<MapMaker> {
  const method: Method =
    name === saliencyMethod.name ? saliencyMethod : (await import('../../methods/named')).methodNamed(name);
  return {
    batch: method.batch(values),
    make: (model, image, chosen, run) => method.make(model, image, { ...values, ...run, class: chosen }),
  };
}
