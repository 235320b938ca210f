import { basename } from 'node:path';
import type { ArgsDef, ParsedArgs } from 'citty';
import { placementOf } from '../image/placement';
import type { Pixels } from '../image/pixels';
import { OVERLAY_ALPHA } from '../image/render';
import {
  type MapBoxOptions,
  type MethodName,
  SEGMENT_PRESETS,
  type SegmentOptions,
  type SegmentPreset,
  type Segmentation,
  mapBox,
  segment as segmentOf,
} from '../index';
import { common, command, numberOption } from './args';
import { UsageError } from './failure';
import { classOf, classOption, modelOption, preparationOf, prepOption, readModel } from './models';
import { mapMakerOf, methodOptions, noteFlat } from './methods';
import { manyOptions, picturesArgument } from './many/options';
import { overPictures } from './many/run';
import { checkPattern, fillPattern, folderOf, labelBefore, named } from './output';

/** What a preset says beside the quantiles and the smoothing of the library's: the map, and what the box goes by. */
interface Preset {
  readonly cut: SegmentPreset;
  readonly method: MethodName;
  readonly box: 'cut' | 'map';
}

const PRESETS = {
  paper: { cut: 'paper', method: 'saliency', box: 'cut' },
  boxes: { cut: 'boxes', method: 'saliency', box: 'cut' },
  layers: { cut: 'paper', method: 'layers', box: 'map' },
  features: { cut: 'paper', method: 'features', box: 'map' },
} as const satisfies Readonly<Record<string, Preset>>;

export const presetOf = ({ preset }: { readonly preset: string }): Preset => PRESETS[preset as keyof typeof PRESETS];

/** Flags for what the paper leaves open. */
export const segmentationOptions = {
  preset: {
    type: 'enum',
    options: Object.keys(PRESETS),
    default: 'paper',
    description:
      'quantiles and smoothing, if left out: paper 0.95, 0.3, 0; boxes 0.85, 0.3, 3/227 of the map; layers and ' +
      'features as paper, with the --method of that name and --box map',
  },
  box: {
    type: 'enum',
    options: ['cut', 'map'],
    description: 'the box is tight around the cut (default), or spread as the map where it is large',
  },
  share: {
    type: 'string',
    valueHint: 'X',
    description:
      'the box of the map goes by pixels above this share of its largest value (default: the border that --method ' +
      'features finds, else 0.18, chosen for the layers of SqueezeNet)',
  },
  foreground: { type: 'string', valueHint: 'Q', description: 'pixels above this quantile of the map show the object' },
  background: { type: 'string', valueHint: 'Q', description: 'pixels below this quantile show the rest' },
  components: { type: 'string', valueHint: 'N', default: '5', description: 'Gaussians in each colour model' },
  lambda: { type: 'string', valueHint: 'X', default: '50', description: 'weight of borders against colours' },
  neighbours: { type: 'enum', options: ['4', '8'], default: '8', description: 'of a pixel' },
  'hard-seeds': { type: 'boolean', description: 'pixels beyond the quantiles keep their label' },
  smoothing: {
    type: 'string',
    valueHint: 'S',
    description: 'blur the map first: standard deviation in pixels of the map',
  },
  seed: { type: 'string', valueHint: 'N', default: '1', description: "of the colour models' start" },
} as const satisfies ArgsDef;

export const boxRuleOf = (args: { readonly preset: string; readonly box?: string | undefined }): 'cut' | 'map' =>
  (args.box as 'cut' | 'map' | undefined) ?? presetOf(args).box;

/** Of the box of a map. @throws UsageError */
export const mapBoxOptionsOf = ({ share }: { readonly share?: string | undefined }): MapBoxOptions =>
  share === undefined ? {} : { share: numberOption('share', share, Number.MIN_VALUE, 1 - Number.EPSILON) };

type ByPreset = 'foreground' | 'background' | 'smoothing';
type SegmentationArgs = Pick<ParsedArgs<typeof segmentationOptions>, keyof typeof segmentationOptions>;

/** @throws UsageError */
export function segmentationOf(args: SegmentationArgs, mapWidth: number) {
  const [below, above] = [Number.MIN_VALUE, 1 - Number.EPSILON];
  const preset = SEGMENT_PRESETS[presetOf(args).cut]({ width: mapWidth });
  const given = (name: ByPreset, low: number, high: number): number =>
    args[name] === undefined ? preset[name] : numberOption(name, args[name], low, high);
  const background = given('background', below, above);
  const foreground = given('foreground', below, above);
  if (background > foreground) throw new UsageError(`--background is ${background}, above --foreground, ${foreground}`);
  return {
    foreground,
    background,
    components: numberOption('components', args.components, 1, 100, true),
    lambda: numberOption('lambda', args.lambda, 0, Number.MAX_VALUE),
    neighbours: args.neighbours === '4' ? 4 : 8,
    hardSeeds: args['hard-seeds'] === true,
    smoothing: given('smoothing', 0, 1000),
    seed: numberOption('seed', args.seed, 0, 2 ** 32 - 1, true),
  } satisfies SegmentOptions;
}

export const segment = command({
  name: 'segment',
  description:
    'the object of a class (§3.2), by the map, colours and one graph cut: a mask, and its box (left upper corner, ' +
    'width, height)',
  examples: [
    ['photo.jpg --out mask.png', 'a mask, and the box on stdout'],
    ["photos/ --preset boxes --out 'masks/{dir}/{stem}.png'", 'of all pictures below a folder'],
  ],
  args: {
    ...picturesArgument,
    out: {
      type: 'string',
      valueHint: 'pattern',
      default: 'out/{stem}_mask.png',
      description: 'where to, with {dir}, {stem}, {shard}, {class} and {method}',
    },
    ...manyOptions,
    ...modelOption,
    ...prepOption,
    ...classOption,
    overlay: {
      type: 'string',
      valueHint: 'alpha',
      description: `instead of the mask the picture, darker beside the object, with the box (alone: ${OVERLAY_ALPHA})`,
    },
    ...methodOptions,
    ...segmentationOptions,
    ...common,
  },
  async run(args, session) {
    const { signal } = session;
    checkPattern(args.out);
    const alpha = args.overlay === undefined ? null : numberOption('overlay', args.overlay, 0, 1);
    const maker = mapMakerOf(args, presetOf(args).method);
    const rule = boxRuleOf(args);
    const boxOptions = mapBoxOptionsOf(args);
    const file = await readModel(args, session);
    const options = segmentationOf(args, file.graph.input.extents.W);
    const input = preparationOf(file, args.prep, session);
    const chosen = classOf(args.class, file.labels);
    return overPictures(args, session, {
      command: 'segment',
      file,
      input,
      parameters: { ...maker.parameters, class: chosen, ...options, box: rule, ...boxOptions, overlay: alpha },
      batch: maker.together ? null : maker.batch,
      folder: folderOf(args.out),
      needsPicture: true,
      filesOf: (names, label) => [fillPattern(args.out, { ...names, class: label, method: 'segmentation' })],
      known: labelBefore(args.out, chosen, file.labels),
      open: async ({ model, pool, adapter }) => ({
        make: (lane, pictures) => maker.makeAll(lane, pictures, chosen, { signal }),
        labelOf: (map) => model.labelOf(map.class),
        async finish({ item, picture, result: map, files: [out] }) {
          if (!picture) throw new UsageError(`${item.picture}: a cut goes by colours, and prepared numbers have none`);
          noteFlat(item.picture, map, session);
          const label = model.labelOf(map.class);
          const placement = placementOf(picture, input);
          const cut = await segmentOf(picture, map, { ...options, placement, signal, onProgress: session.onProgress });
          const found = rule === 'map' ? { ...cut, box: mapBox(map, picture, { ...boxOptions, placement }).box } : cut;
          const { box, energy, fallback, mask, width, height } = found;
          const area = mask.reduce((sum, value) => sum + value, 0) / mask.length;
          const result = { class: map.class, label, score: map.score, box, area, energy, fallback };
          const parameters = { ...options, box: rule, ...boxOptions, overlay: alpha, map: map.meta };
          const text = { image: basename(item.picture), ...result, parameters, adapter };
          const shown = alpha === null ? pictureOf(found) : highlighted(picture, found, alpha);
          const [x, y, w, h] = box;
          return {
            contents: [await pool.run('encode', { picture: shown, text })],
            line: { ...result, width, height },
            json: {
              image: item.picture,
              ...(item.shard !== null && { shard: item.shard }),
              out,
              width,
              height,
              ...result,
              parameters,
              adapter,
            },
            text:
              `${out}: ${named(map.class, label)}, box ${x} ${y} ${w} ${h}, ${(area * 100).toFixed(1)} % of the ` +
              `picture${fallback === null ? '' : ` (${fallback})`}`,
          };
        },
      }),
    });
  },
});

/** The mask, white on black. */
function pictureOf({ mask, width, height }: Segmentation): Pixels {
  return {
    data: Uint8Array.from({ length: mask.length * 4 }, (_, i) => (i % 4 === 3 || mask[i >> 2] ? 255 : 0)),
    width,
    height,
  };
}

const BOX_COLOUR = [255, 220, 0, 255];

function highlighted(
  { data, width, height }: Pixels,
  { mask, box: [left, top, boxWidth, boxHeight] }: Segmentation,
  alpha: number,
): Pixels {
  const drawn = Uint8ClampedArray.from(data, (value, i) => (i % 4 === 3 || mask[i >> 2] ? value : value * (1 - alpha)));
  const line = Math.max(1, Math.round(Math.min(width, height) / 150));
  for (let y = top; y < top + boxHeight; y++) {
    for (let x = left; x < left + boxWidth; x++) {
      const fromEdge = Math.min(x - left, y - top, left + boxWidth - 1 - x, top + boxHeight - 1 - y);
      if (fromEdge < line) drawn.set(BOX_COLOUR, (y * width + x) * 4);
    }
  }
  return { data: drawn, width, height };
}
