/** Ten views of a picture, as the paper's test-time classification takes them. */
import { GradlensError } from '../errors';
import type { View } from '../gpu/sampling';
import { type ImageInput, type Pixels, isPrepared, toPixels } from '../image/pixels';
import { placementOf } from '../image/placement';
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
      const pixels = crop(picture, left + x, top + y, width, height, mirrored);
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
  whole: ReturnType<typeof placementOf>,
  at: { readonly x: number; readonly y: number; readonly mirrored: boolean },
): View {
  const own = placementOf(view, input);
  const axis = (
    from: number,
    corner: number,
    to: number,
    scale: number,
    ownFrom: number,
    ownScale: number,
    ownTo: number,
    extent: number,
  ): readonly [number, number] => {
    // pixel p of the view's input shows the picture at corner + ownFrom + (p − ownTo) / ownScale
    const begin = to + (corner + ownFrom - ownTo / ownScale - from) * scale;
    return [begin, (extent / ownScale) * scale];
  };
  const [x, width] = axis(
    whole.FROM_X,
    at.x,
    whole.TO_X,
    whole.TO_W / whole.FROM_W,
    own.FROM_X,
    own.TO_W / own.FROM_W,
    own.TO_X,
    input.width,
  );
  const [y, height] = axis(
    whole.FROM_Y,
    at.y,
    whole.TO_Y,
    whole.TO_H / whole.FROM_H,
    own.FROM_Y,
    own.TO_H / own.FROM_H,
    own.TO_Y,
    input.height,
  );
  return { x, y, width, height, mirrored: at.mirrored };
}

function crop(
  { data, width: stride }: Pixels,
  left: number,
  top: number,
  width: number,
  height: number,
  mirrored: boolean,
): Pixels {
  const cropped = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = ((top + y) * stride + left + (mirrored ? width - 1 - x : x)) * 4;
      cropped.set(data.subarray(from, from + 4), (y * width + x) * 4);
    }
  }
  return { data: cropped, width, height };
}
