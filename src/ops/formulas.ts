/** Functions of several numbers, element by element: from the records in `shaders/formulas.ts` to operators. */
import { formulaBackward, formulaForward } from '../../shaders/formula';
import { arityOf, FORMULAS, type FormulaName, readBackward } from '../../shaders/formulas';
import type { Extents } from '../shape';
import { elementwiseDims, numbered, sameOf } from './elementwise';
import { type Node, type Operator, variadic } from './op';

/** The node of a function of several numbers, all of whose inputs have one shape; its record says the equation. */
export type FormulaNode<Name extends FormulaName> = { [K in Name]: Node<K> }[Name];

const dimsOf = (batch: number, to: Extents) => ({ ...elementwiseDims(batch, to), C: to.C });

function formula(op: FormulaName): Operator<Node<FormulaName>> {
  const { title } = FORMULAS[op];
  const inputs = [...Array(arityOf(op)).keys()];
  return variadic<Node<FormulaName>>(
    { fewest: inputs.length, most: inputs.length },
    {
      op,
      title,
      fields: {},

      extents: ({ name }, inputs) => sameOf(name, `'${op}'`, inputs),

      forward({ batch, inputs, y, step }) {
        const read = numbered(inputs);
        const kernel = formulaForward(op, dimsOf(batch, y), { ...read, y });
        return [step(kernel.name, kernel, { ...read, y })];
      },

      backward({ batch, inputs, k, dY, dX, epilogue, step }) {
        const of = readBackward(op, k);
        const read = Object.fromEntries(Object.entries(numbered(inputs)).filter((_, i) => of.includes(i)));
        const kernel = formulaBackward(op, k, dimsOf(batch, dX), { ...read, dX, dY }, epilogue);
        return [step(kernel.name, kernel, { ...read, dY, dX })];
      },

      ...(inputs.some((k) => readBackward(op, k).length > 0) && { keepsInputs: true }),
    },
  );
}

/** An operator for every record. */
export const formulas = Object.fromEntries(
  (Object.keys(FORMULAS) as FormulaName[]).map((name) => [name, formula(name)]),
) as unknown as { readonly [Name in FormulaName]: Operator<FormulaNode<Name>> };
