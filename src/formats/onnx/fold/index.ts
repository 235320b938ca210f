/**
 * Nodes whose inputs are all constants, computed as the file is read: shape arithmetic that exporters leave behind, and
 * weights that are turned or scaled before use. Numbers are float64 on the way and float32 (or whole) at its end.
 */
import type { TensorProto } from 'onnx-buf';
import type { Call } from '../call';
import { ELEMENTWISE } from './elementwise';
import { MAKERS, SOURCES } from './makers';
import { MOVES } from './moves';
import { NORMALIZATION } from './normalization';
import { decode, encode, type Fold } from './numbers';
import { PRODUCTS } from './products';
import { REDUCTIONS } from './reductions';
import { SELECTIONS } from './selections';

/** By ONNX's operator name. */
export const folds: ReadonlyMap<string, Fold> = new Map([
  ...ELEMENTWISE,
  ...MAKERS,
  ...MOVES,
  ...NORMALIZATION,
  ...PRODUCTS,
  ...REDUCTIONS,
  ...SELECTIONS,
]);

/** The constants that a node of constants writes; undefined where it reads anything else, or is not known here. */
export function foldNode(call: Call, opType: string): readonly TensorProto[] | undefined {
  const fold = folds.get(opType);
  const constants = call.inputs.map((name, index) => (name === '' ? undefined : call.constant(index)));
  if (
    !fold ||
    (call.inputs.length === 0 && !SOURCES.has(opType)) ||
    call.inputs.some((name, index) => name !== '' && !constants[index])
  )
    return undefined;
  const inputs = constants.map((constant) => constant && decode(constant));
  call.model.spend(inputs.reduce((sum, input) => sum + (input?.data.length ?? 0), 0));
  const made = fold(call, inputs);
  return ('data' in made ? [made] : made).map(encode);
}
