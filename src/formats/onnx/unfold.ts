/** A convolution by filters that are computed: windows written out as columns, and a product of matrices. */
import type { NodeProto } from 'onnx-buf';
import { shapeError } from '../../shape';
import { unsupported, type Call } from './call';
import { nodeOf, tensorOf, type Replacement } from './standIns';
import { planes, printShape } from './value';
import { readWindow, slideWindow } from './window';

/**
 * `[G, O/G, C/G·R·S] · [G, C/G·R·S, P·Q]`, whose columns a convolution by constant filters makes, each of a single 1.
 */
export function convByComputed(node: NodeProto, call: Call): Replacement {
  const { where } = call;
  const [x = '', filters = '', bias = ''] = node.input;
  const [shape, own] = [call.operandShape(0), call.operandShape(1)];
  if (shape.length !== 4 || own.length !== 4 || shape[0] !== 1 || call.fixesBatch)
    throw unsupported(
      `its filters, ${printShape(own)}, are computed from the image beside ${printShape(shape)}`,
      'constants, or filters [O, C, R, S] for one picture',
    );
  const [, C = 1, H = 1, W = 1] = shape;
  const [O = 1, I = 1, R = 1, S = 1] = own;
  const groups = call.int('group', 1);
  if (I * groups !== C || O % groups !== 0)
    throw shapeError(where, `filters ${printShape(own)} in ${groups} groups take ${I * groups} channels, not ${C}`);
  const { window } = readWindow(call, planes([C, H, W]), 2, [R, S]);
  const { H: P, W: Q } = slideWindow(call, planes([C, H, W]), window, O);
  const taps = R * S;
  call.model.spend(C * taps * taps);
  const single = Array.from({ length: C * taps * taps }, (_, i) => Number(Math.floor(i / taps) % taps === i % taps));
  const [output = ''] = node.output;
  const shapes = {
    columns: [groups, I * taps, P * Q],
    filters: [groups, O / groups, I * taps],
    planes: [1, O, P, Q],
    bias: [1, O, 1, 1],
  };
  const initializers = [
    tensorOf(`${output}/windows`, [C * taps, 1, R, S], single),
    ...Object.entries(shapes).map(([role, extents]) =>
      tensorOf(`${output}/shape of ${role}`, [extents.length], extents, true),
    ),
  ];
  const reshape = (from: string, role: keyof typeof shapes, to = `${output}/${role}`): NodeProto =>
    nodeOf('Reshape', [from, `${output}/shape of ${role}`], [to]);
  const unfold = nodeOf('Conv', [x, `${output}/windows`], [`${output}/unfolded`]);
  unfold.attribute.push(
    ...node.attribute.filter(({ name }) => name !== 'group'),
    ...nodeOf('', [], [], { group: C }).attribute,
  );
  return {
    initializers,
    nodes: [
      unfold,
      reshape(`${output}/unfolded`, 'columns'),
      reshape(filters, 'filters'),
      nodeOf('MatMul', [`${output}/filters`, `${output}/columns`], [`${output}/product`]),
      ...(bias === ''
        ? [reshape(`${output}/product`, 'planes', output)]
        : [
            reshape(`${output}/product`, 'planes'),
            reshape(bias, 'bias'),
            nodeOf('Add', [`${output}/planes`, `${output}/bias`], [output]),
          ]),
    ],
  };
}
