/** What worker threads do: decode pictures, and draw and encode maps. All of it is a function of what it is given. */
import { zipSync } from 'fflate';
import { writeNpy } from '../../formats/npy';
import type { ColourMapName } from '../../image/colourMaps';
import { type Figure, type Panel, figureSvg } from '../../image/figure';
import type { Placement } from '../../image/placement';
import type { Pixels } from '../../image/pixels';
import { withText } from '../../image/png';
import { percentilesOf, renderMap } from '../../image/render';
import type { Heatmap } from '../../index';
import { readImage } from '../../node/image';
import { encodePng } from '../output';

export interface Drawing {
  readonly map: Pick<Heatmap, 'data' | 'width' | 'height' | 'signed' | 'class' | 'score' | 'certainty'>;
  /** What of it is wanted. */
  readonly kinds: readonly MapFile[];
  readonly width: number;
  readonly height: number;
  readonly placement?: Placement;
  readonly overlay?: { readonly picture: Pixels; readonly alpha: number };
  readonly colours: ColourMapName;
  readonly percentile: number;
  /** Goes into the PNG, with `parameters.clip`. */
  readonly text: { readonly parameters: object; readonly [name: string]: unknown };
}

export type MapFile = 'png' | 'npy' | 'npz';

export interface Drawn {
  readonly contents: Readonly<Partial<Record<MapFile, Uint8Array>>>;
  /** The value that takes the last colour. */
  readonly clip: number;
  /** Of |values|. */
  readonly percentiles: Readonly<Record<string, number>>;
}

/** Percentiles that are told of a map. */
const TOLD = [50, 90, 95, 99, 100];

async function draw({ map, kinds, text, ...how }: Drawing): Promise<Drawn> {
  const [clip, ...quantiles] = percentilesOf(map.data, [how.percentile, ...TOLD]) as [number, ...number[]];
  const contents: Partial<Record<MapFile, Uint8Array>> = {};
  const { width, height, colours, percentile, placement } = how;
  if (kinds.includes('png')) {
    const overlay = how.overlay && {
      picture: await scaled(how.overlay.picture, width, height),
      alpha: how.overlay.alpha,
    };
    const rendered = renderMap(map, {
      ...{ colours, percentile, clip, width, height },
      ...(placement && { placement }),
      ...(overlay && { overlay }),
    });
    contents.png = await encodePng(rendered, { ...text, parameters: { ...text.parameters, clip } });
  }
  if (kinds.includes('npy')) contents.npy = writeNpy([map.height, map.width], map.data);
  if (kinds.includes('npz'))
    contents.npz = npzOf({
      map: { shape: [map.height, map.width], data: map.data },
      class: { shape: [], data: Float32Array.of(map.class) },
      score: { shape: [], data: Float32Array.of(map.score) },
    });
  return { contents, clip, percentiles: Object.fromEntries(TOLD.map((p, k) => [p, quantiles[k]!])) };
}

type Arrays = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;

/** The same bytes at any time. */
function npzOf(arrays: Arrays): Uint8Array {
  const files = Object.entries(arrays).map(([name, { shape, data }]) => [`${name}.npy`, writeNpy(shape, data)]);
  return zipSync(Object.fromEntries(files), { level: 6, mtime: '1980-01-01T00:00:00' });
}

async function scaled(picture: Pixels, width: number, height: number): Promise<Pixels> {
  if (picture.width === width && picture.height === height) return picture;
  const { default: sharp } = await import('sharp');
  const raw = { width: picture.width, height: picture.height, channels: 4 } as const;
  const data = await sharp(picture.data, { raw }).resize(width, height, { fit: 'fill' }).raw().toBuffer();
  return { data, width, height };
}

/** A figure whose panels are pixels yet. */
export interface Illustration {
  readonly figure: Omit<Figure, 'panels'>;
  readonly panels: readonly (Omit<Panel, 'picture' | 'width' | 'height'> & { readonly picture: Pixels })[];
  /** Goes into the PNG. */
  readonly text: object;
}

/** Pixels of the PNG for each of the drawing's units. */
const DENSITY = 1.5;

async function illustrate({ figure, panels, text }: Illustration): Promise<Uint8Array> {
  const drawn = panels.map(async ({ picture, ...words }): Promise<Panel> => {
    const base64 = Buffer.from(await encodePng(picture, {})).toString('base64');
    const { width, height } = picture;
    return { ...words, width, height, picture: `data:image/png;base64,${base64}` };
  });
  const svg = figureSvg({ ...figure, panels: await Promise.all(drawn) });
  const { default: sharp } = await import('sharp');
  const png = await sharp(Buffer.from(svg), { density: 72 * DENSITY, unlimited: true })
    .png()
    .toBuffer();
  return withText(png, { gradlens: JSON.stringify(text) });
}

export const jobs = {
  decode: (source: string | Uint8Array): Promise<Pixels> => readImage(source),
  draw,
  npz: async (arrays: Arrays): Promise<Uint8Array> => npzOf(arrays),
  /** A figure as a PNG. */
  figure: illustrate,
  /** A picture with the parameters in it. */
  encode: ({ picture, text }: { readonly picture: Pixels; readonly text: object }): Promise<Uint8Array> =>
    encodePng(picture, text),
};

export type Jobs = typeof jobs;
