import type { Extents, Pads, Pair, Window } from '../../graph';
import { elements, shapeError, slide, MOST_ELEMENTS } from '../../shape';
import { formatError } from '../checks';
import { unsupported, type Call } from './call';

/** The attributes of ONNX that make a window. */
export const WINDOW_ATTRIBUTES = ['kernel_shape', 'strides', 'pads', 'dilations', 'auto_pad'];

/**
 * A node's window over an input of these extents, with `auto_pad` turned into pads. A window of one dimension slides
 * along the height. `kernel` is the weight's, where there is one.
 * @throws GradlensError `unsupported-op` where the window has not as many dimensions as the input has places.
 */
export function readWindow(
  call: Call,
  extents: Extents,
  rank: 1 | 2,
  kernel?: readonly number[],
): { window: Window; ceil: boolean } {
  const ones = rank === 1 ? [1] : [1, 1];
  const stated = call.ints('kernel_shape') ?? kernel?.slice(0, rank);
  if (!stated) throw formatError(`${call.where}: has no kernel_shape`);
  const lists = [stated, call.ints('strides') ?? ones, call.ints('dilations') ?? ones] as const;
  const ends = call.ints('pads') ?? [...ones, ...ones].map(() => 0);
  if (lists.some(({ length }) => length !== rank) || ends.length !== 2 * rank) {
    throw unsupported(
      `its window has kernel [${lists[0]}], strides [${lists[1]}], dilations [${lists[2]}] and pads [${ends}]`,
      `windows of ${rank} dimension${rank === 1 ? '' : 's'}, as its input has`,
    );
  }
  const [size, stride, dilation] = lists.map((list) => (rank === 1 ? [...list, 1] : list)) as [Pair, Pair, Pair];
  const given = (rank === 1 ? [ends[0], 0, ends[1], 0] : ends) as unknown as Pads;
  if (kernel && (size[0] !== kernel[0] || size[1] !== kernel[1]))
    throw shapeError(call.where, `its kernel_shape is [${size}], its weight's is [${kernel}]`);

  const autoPad = call.string('auto_pad', 'NOTSET');
  const window = { kernel: size, stride, dilation };
  const pads = automaticPads(autoPad, window, extents) ?? given;
  return { window: { ...window, pads }, ceil: autoPad === 'NOTSET' && call.int('ceil_mode', 0) !== 0 };
}

/**
 * SAME keeps ⌈extent / stride⌉ outputs; an odd pad more goes to the end in SAME_UPPER, to the beginning in SAME_LOWER.
 */
function automaticPads(
  autoPad: string,
  { kernel, stride, dilation }: Record<'kernel' | 'stride' | 'dilation', Pair>,
  { H, W }: Extents,
): Pads | undefined {
  if (autoPad === 'NOTSET') return undefined;
  if (autoPad === 'VALID') return [0, 0, 0, 0];
  if (autoPad !== 'SAME_UPPER' && autoPad !== 'SAME_LOWER')
    throw unsupported(`its auto_pad is ${autoPad}`, 'NOTSET, VALID, SAME_UPPER, SAME_LOWER');
  const along = (axis: 0 | 1, extent: number): [before: number, after: number] => {
    const span = (kernel[axis] - 1) * dilation[axis] + 1;
    const total = Math.max(0, (Math.ceil(extent / stride[axis]) - 1) * stride[axis] + span - extent);
    const less = Math.floor(total / 2);
    return autoPad === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
  };
  const [top, bottom] = along(0, H);
  const [left, right] = along(1, W);
  return [top, left, bottom, right];
}

/** What a window writes, in `channels` channels. */
export function slideWindow(call: Call, input: Extents, window: Window, channels: number, ceil = false): Extents {
  const { P, Q } = slide(call.where, window, input, ceil);
  const extents = { C: channels, H: P, W: Q };
  if (!(elements(extents) <= MOST_ELEMENTS))
    throw shapeError(call.where, `writes ${channels}×${P}×${Q}, more than ${MOST_ELEMENTS} elements`);
  return extents;
}
