/** Maps whose values are all equal: they rank no pixel above another, and say so. */
import { GradlensError } from '../errors';
import type { GraphNode } from '../graph';
import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import { probabilitiesOf } from '../scores';
import { type FlatMap, type Heatmap, scoresOf } from './heatmap';

/**
 * The map; where all its values are equal, with the probable reason. Only then it asks the model anything.
 *
 * @param known the reason, where the method knows it
 */
export async function explained<Map extends Heatmap>(
  model: Model,
  image: ImageInput,
  map: Map,
  known?: Omit<FlatMap, 'value'>,
): Promise<Map> {
  const value = map.data[0]!;
  if (map.data.length < 2 || map.data.some((other) => other !== value)) return map;
  const reason =
    known ?? (await saturation(model, image, map)) ?? behindCurve(model, map) ?? (await dead(model, image, map));
  return { ...map, flat: { value, ...(reason ?? UNKNOWN) } };
}

type Reason = Omit<FlatMap, 'value'>;

const UNKNOWN: Reason = {
  reason: 'unknown',
  message: 'the score does not change with any pixel, to within the precision of the arithmetic',
};

/** Beyond this a probability hardly changes with its score: its slope is p · (1 − p). */
const SATURATED = 1e-6;

async function saturation(model: Model, image: ImageInput, { class: chosen, meta }: Heatmap): Promise<Reason | null> {
  if (meta['score'] !== 'probability') return null;
  const { kind } = model.head;
  const probability = probabilitiesOf(kind, await scoresOf(model, image, {}))?.[chosen];
  if (probability === undefined || (probability > SATURATED && probability < 1 - SATURATED)) return null;
  const curve = kind === 'softmax' ? 'soft-max' : 'a sigmoid';
  return {
    reason: 'saturation',
    message: `its probability is ${probability.toPrecision(3)}, where ${curve} is flat; score 'logit' is not`,
  };
}

/** Curves with a flat end, or two. */
const FLAT_ENDED: readonly GraphNode['op'][] = ['hardSigmoid', 'clip'];

function behindCurve({ file: { graph } }: Model, { score }: Heatmap): Reason | null {
  const head = graph.nodes.find(({ name }) => name === graph.output);
  if (!head || !FLAT_ENDED.includes(head.op)) return null;
  const { name, op } = head;
  return {
    reason: 'curve',
    message: `the scores come out of '${name}' (${op}), which is flat at ${score.toPrecision(3)}`,
  };
}

/** The first plane of which every value is 0, or that the score does not change with. */
async function dead(model: Model, image: ImageInput, { class: chosen }: Heatmap): Promise<Reason | null> {
  for (const tensor of model.planes) {
    try {
      const { activations, gradient } = await model.layerGradient(image, { tensor, class: chosen });
      if (activations.every((value) => value === 0))
        return { reason: 'dead units', message: `every value of '${tensor}' is 0 for this picture` };
      if (gradient.every((value) => value === 0))
        return {
          reason: 'dead units',
          message: `no value of '${tensor}' changes the score: all units that follow are shut for this picture`,
        };
    } catch (error) {
      if (!(error instanceof GradlensError && error.code === 'shape')) throw error; // the rest goes around the tensor
    }
  }
  return null;
}
