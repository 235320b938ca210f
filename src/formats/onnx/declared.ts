/** Shapes that the file states, against those that follow from its operators. */
import type { GraphProto, ValueInfoProto } from 'onnx-buf';
import { shapeError } from '../../shape';
import type { Value } from './value';

/**
 * A check of a tensor against the graph's `value_info` and outputs. Only fixed dimensions are compared; the batch is
 * not, since files are often given another one by hand.
 *
 * The check throws GradlensError `shape` with both shapes where they disagree: the file was changed after its shapes
 * were inferred, or means something else than was understood, and neither may pass silently.
 */
export function declaredShapes({ valueInfo, output }: GraphProto): (name: string, value: Value) => void {
  const declared = new Map<string, (number | undefined)[]>();
  for (const info of [...valueInfo, ...output]) {
    const shape = fixedDimensions(info);
    if (shape) declared.set(info.name, shape);
  }
  return (name, value) => {
    const shape = declared.get(name);
    if (!shape) return;
    const inferred = value.shape;
    const agrees =
      shape.length === inferred.length &&
      inferred.every((extent, i) => shape[i] === undefined || shape[i] === extent || (i === 0 && extent === 1));
    if (agrees) return;
    const stated = shape.map((extent) => extent ?? '?').join(', ');
    throw shapeError(
      name,
      `the file says [${stated}]; from its operators follows [${inferred.join(', ')}]. ` +
        "Infer the file's shapes anew, or export it again",
      { stated: shape, inferred },
    );
  };
}

/** Undefined where nothing is stated: by some exporters, with no dimensions at all. Zero and negative ones are free. */
function fixedDimensions({ type }: ValueInfoProto): (number | undefined)[] | undefined {
  const dim = type?.value.case === 'tensorType' ? type.value.value.shape?.dim : undefined;
  if (!dim || dim.length === 0) return undefined;
  return dim.map(({ value }) => (value.case === 'dimValue' && value.value > 0n ? Number(value.value) : undefined));
}
