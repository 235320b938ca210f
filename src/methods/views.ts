/** Ten views of a picture, as the paper's test-time classification takes them. */
import { GradlensError } from '../errors';
import type { View } from '../gpu/sampling';
import { type ImageInput, type Pixels, isPrepared, toPixels } from '../image/pixels';
import { type Placement, placementOf } from '../image/placement';
import type { Model } from '../model';

/** Of each side of the part that the network sees: 224 of 256 pixels, as is the custom. */
const SHARE = 7 / 8;

export interface Views {
  readonly pictures: readonly Pixels[];
  readonly views: readonly View[];
  readonly share: number;
}

/**
 * The four corners and the middle of what the network sees of a picture, then their mirror images.
 *
 * @throws GradlensError `shape` for a tensor that is prepared already, or for a model that does not say how pictures
 *   are
 */
export async function viewsOf(model: Model, image: ImageInput): Promise<Views> {
  if (isPrepared(image)) throw new GradlensError('shape', 'views are parts of a picture; this is a prepared tensor');
  if (!model.input)
    throw new GradlensError('shape', `${model.name} does not say how pictures are prepared: give load() an \`input\``);
  const picture = await toPixels(image);
  const seen = placementOf(picture, model.input);
  const [left, top] = [Math.round(seen.FROM_X), Math.round(seen.FROM_Y)];
  const [across, down] = [
    Math.min(Math.round(seen.FROM_W), picture.width - left),
    Math.min(Math.round(seen.FROM_H), picture.height - top),
  ];
  const [width, height] = [Math.max(1, Math.round(across * SHARE)), Math.max(1, Math.round(down * SHARE))];
  const [right, bottom] = [across - width, down - height];
  const corners = [
    [0, 0],
    [right, 0],
    [0, bottom],
    [right, bottom],
    [Math.floor(right / 2), Math.floor(bottom / 2)],
  ] as const;
  const parts = [false, true].flatMap((mirrored) =>
    corners.map(([x, y]) => {
      const pixels = crop(picture, { left: left + x, top: top + y, width, height, mirrored });
      return { pixels, view: viewIn(model.input!, pixels, seen, { x: left + x, y: top + y, mirrored }) };
    }),
  );
  return { pictures: parts.map(({ pixels }) => pixels), views: parts.map(({ view }) => view), share: SHARE };
}

/**
 * A view's whole input, in pixels of the input that shows the whole picture: margins, where the rule makes some, lie
 * outside of the view.
 */
function viewIn(
  input: NonNullable<Model['input']>,
  view: Pixels,
  whole: Placement,
  at: { readonly x: number; readonly y: number; readonly mirrored: boolean },
): View {
  const own = placementOf(view, input);
  const [x, width] = alongAxis(acrossOf(whole), { ...acrossOf(own), corner: at.x, extent: input.width });
  const [y, height] = alongAxis(downOf(whole), { ...downOf(own), corner: at.y, extent: input.height });
  return { x, y, width, height, mirrored: at.mirrored };
}

/** Along one axis: input pixel p shows its picture at `from + (p − to) / scale`. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

const acrossOf = ({ FROM_X, TO_X, TO_W, FROM_W }: Placement): Axis => ({
  from: FROM_X,
  to: TO_X,
  scale: TO_W / FROM_W,
});
const downOf = ({ FROM_Y, TO_Y, TO_H, FROM_H }: Placement): Axis => ({ from: FROM_Y, to: TO_Y, scale: TO_H / FROM_H });

/** Where the view's input begins in the whole's, and how much of it it takes; `corner`: of the view in the picture. */
function alongAxis(
  whole: Axis,
  view: Axis & { readonly corner: number; readonly extent: number },
): readonly [begin: number, length: number] {
  const begin = whole.to + (view.corner + view.from - view.to / view.scale - whole.from) * whole.scale;
  return [begin, (view.extent / view.scale) * whole.scale];
}

interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly mirrored: boolean;
}

function crop({ data, width: stride }: Pixels, { left, top, width, height, mirrored }: Part): Pixels {
  const cropped = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = ((top + y) * stride + left + (mirrored ? width - 1 - x : x)) * 4;
      cropped.set(data.subarray(from, from + 4), (y * width + x) * 4);
    }
  }
  return { data: cropped, width, height };
}
