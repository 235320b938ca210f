/** Functions of one number: from the records in `shaders/curves.ts` to operators, on the kernels of `activation.ts`. */
import { type ActivationDims, type Values, activationBackward, activationForward } from '../../shaders/activation';
import { CURVES, type CurveName, type Parameters, isStraight } from '../../shaders/curves';
import { blocksOf, stripsOf } from '../../shaders/kernel';
import type { Extents } from '../shape';
import { type Fields, number, optional, weight } from './fields';
import { type Node, type OnePlaced, type Operator, type Tensor, type Weights, unary } from './op';
import { blockedVector, weightOf } from './parameters';

/** The fields of a node: a number for each parameter, or the name of a weight with one per channel. */
type FieldsOf<P extends Parameters> = {
  readonly [K in keyof P as P[K] extends { readonly otherwise: number } ? never : K]: P[K] extends {
    readonly perChannel: true;
  }
    ? string
    : number;
} & {
  readonly [K in keyof P as P[K] extends { readonly otherwise: number } ? K : never]?: number;
};

/** The node of a function of one number; its record says the equation. */
export type CurveNode<Name extends CurveName> = {
  [K in Name]: Node<K> & FieldsOf<(typeof CURVES)[K]['parameters']>;
}[Name];

/** Any of them, as this file reads them. */
type AnyNode = Node<CurveName> & Readonly<Record<string, unknown>>;

function dimsOf(batch: number, to: Extents): ActivationDims {
  return {
    N: batch,
    C: to.C,
    H: to.H,
    W: to.W,
    BLOCKS: blocksOf(to.C),
  };
}

const parametersOf = ({ op }: AnyNode) => Object.entries<Parameters[string]>(CURVES[op].parameters);

/** The parameters that are one number. */
const valuesOf = (node: AnyNode): Values =>
  Object.fromEntries(
    parametersOf(node)
      .filter(([, { perChannel }]) => !perChannel)
      .map(([name, { otherwise }]) => [name, (node[name] ?? otherwise) as number]),
  );

/** Those with a number per channel: a tensor of each. */
const vectorsOf = (node: AnyNode, C: number, weights: Weights): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(
    parametersOf(node)
      .filter(([, { perChannel }]) => perChannel)
      .map(([name]) => {
        const weight = node[name] as string;
        return [name, blockedVector(`${weight}/blocks`, C, weightOf(weights, node.name, weight, [C]))];
      }),
  );

/** One bit per element: on which piece it lies. */
const maskOf = ({ node, batch, x }: OnePlaced<AnyNode>): Tensor => ({
  name: `${node.name}.mask`,
  bytes: batch * blocksOf(x.C) * x.H * stripsOf(x.W) * 4,
  kind: 'saved',
});

function curve(op: CurveName): Operator<AnyNode> {
  const { title, parameters } = CURVES[op];
  const straight = isStraight(op);
  return unary<AnyNode>({
    op,
    title,
    fields: Object.fromEntries(
      Object.entries<Parameters[string]>(parameters).map(([name, { otherwise, perChannel }]) => [
        name,
        otherwise === undefined ? (perChannel ? weight : number) : optional(number),
      ]),
    ) as Fields<AnyNode>,

    extents(node, x, weights) {
      vectorsOf(node, x.C, weights);
      return x;
    },

    forward(site) {
      const { node, batch, x, y, weights, step } = site;
      const kernel = activationForward(op, dimsOf(batch, y), valuesOf(node), { x, y });
      return [
        step(kernel.name, kernel, { x, y, mask: straight ? maskOf(site) : null, ...vectorsOf(node, x.C, weights) }),
      ];
    },

    backward(site) {
      const { node, batch, x, dY, dX, epilogue, weights, step } = site;
      const kernel = activationBackward(op, dimsOf(batch, dX), valuesOf(node), { x, dX, dY }, epilogue);
      const read = straight ? { mask: maskOf(site) } : { x };
      return [step(kernel.name, kernel, { dY, dX, ...read, ...vectorsOf(node, x.C, weights) })];
    },

    ...(straight ? {} : { keepsInputs: true }),
  });
}

/** An operator for every record. */
export const curves = Object.fromEntries(
  (Object.keys(CURVES) as CurveName[]).map((name) => [name, curve(name)]),
) as unknown as { readonly [Name in CurveName]: Operator<CurveNode<Name>> };
