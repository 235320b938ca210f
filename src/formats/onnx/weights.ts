import { inFloat32 } from '../../../shaders/curves';
import type { Weight } from '../../graph';
import { formatError, quote, requireFinite } from '../checks';
import type { NamedWeight, WeightForm } from './call';
import { decode, type Numbers } from './fold/numbers';
import { readFloats, type Constant } from './tensors';

/** Its numbers as float32, infinities as the largest. */
const finite = ({ shape, data }: Numbers): Weight => ({
  shape,
  data: Float32Array.from(data, inFloat32),
});

/** The weights of a graph, decoded when a node first asks for them, each form of each once. */
export interface WeightStore {
  readonly weights: ReadonlyMap<string, Weight>;
  readonly weight: (constant: Constant, form?: WeightForm) => NamedWeight;
}

/**
 * An empty store.
 * @param mostElements refuses a file whose few weights, folded over and over, would become gigabytes.
 */
export function weightStore(mostElements: () => number): WeightStore {
  const weights = new Map<string, Weight>();
  const sources = new Map<string, Constant['tensor']>();
  let total = 0;

  const make = ({ name, tensor }: Constant, form: WeightForm | undefined, formName: string): Weight => {
    const original = form?.readsAny ? finite(decode({ name, tensor })) : readFloats({ name, tensor });
    requireFinite(name, original.data);
    if (!form) return original;
    const weight = form.apply(original);
    requireFinite(formName, weight.data);
    return weight;
  };

  const weight = (constant: Constant, form?: WeightForm): NamedWeight => {
    const name = form ? `${constant.name} (${form.suffix})` : constant.name;
    const known = weights.get(name);
    if (known && sources.get(name) !== constant.tensor)
      throw formatError(`onnx: two weights would be called ${quote(name)}; rename one`, { weight: name });
    if (known) return { name, ...known };

    const made = make(constant, form, name);
    total += made.data.length;
    if (total > mostElements())
      throw formatError(
        `onnx: its weights come to more than ${mostElements()} elements once folded, far more than the file holds`,
      );
    weights.set(name, made);
    sources.set(name, constant.tensor);
    return { name, ...made };
  };
  return { weights, weight };
}
