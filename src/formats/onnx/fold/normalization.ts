/** BatchNormalization of constants: weights that are standardised inside of the file. */
import { around } from '../value';
import { needed, type Fold, type Folds } from './numbers';

/** By the means and variances that are given, or in training mode by the tensor's own. */
const batchNorm: Fold = (call, [x, ...rest]) => {
  const input = needed(call, x);
  const { shape, data } = input;
  const epsilon = call.float('epsilon', 1e-5);
  const trains = call.int('training_mode', 0) !== 0;
  const [before, C, after] = around(shape, Math.min(1, shape.length - 1));
  const [scale, bias, means, variances] = rest.map((constant) => needed(call, constant).data);
  const out = new Float32Array(data.length);
  for (let c = 0; c < C; c++) {
    const places = Array.from({ length: before * after }, (_, i) => {
      const n = Math.floor(i / after);
      return (n * C + c) * after + (i % after);
    });
    const average = (of: (value: number) => number): number =>
      places.reduce((sum, place) => sum + of(data[place]!), 0) / places.length;
    const mean = trains ? average((value) => value) : means![c]!;
    const variance = trains ? average((value) => (value - mean) ** 2) : variances![c]!;
    const factor = scale![c]! / Math.sqrt(variance + epsilon);
    for (const place of places) out[place] = (data[place]! - mean) * factor + bias![c]!;
  }
  return { ...input, data: out };
};

export const NORMALIZATION: Folds = [['BatchNormalization', batchNorm]];
