import { basename } from 'node:path';
import { colourMapNames } from '../image/colourMaps';
import { placementOf } from '../image/placement';
import { OVERLAY_ALPHA } from '../image/render';
import { common, command, numberOption } from './args';
import { UsageError } from './failure';
import { type MapFile } from './many/jobs';
import { manyOptions, picturesArgument } from './many/options';
import { overPictures } from './many/run';
import { classOf, classOption, modelOption, preparationOf, prepOption, readModel } from './models';
import { mapMakerOf, methodOptions, noteFlat } from './methods';
import { certaintyInWords } from '../methods/certaintyInWords';
import { beside, checkPattern, endingOf, fillPattern, folderOf, labelBefore, named } from './output';
import type { Names } from './many/items';

const OVERLAY_HELP =
  'lay the map over the picture, whose pixels it covers by their values, the largest ones as opaque as this (alone: ' +
  `${OVERLAY_ALPHA})`;

export const saliency = command({
  name: 'saliency',
  description: 'what of a picture a class score depends on (§3.1): |gradient|, as a picture',
  examples: [
    ['photo.jpg --out map.png --overlay', 'one map, laid over its picture'],
    ['photo.jpg --certainty', 'how far rounding lets it be trusted; what is undecided is drawn grey'],
    ["photos/ --method grad-cam --out 'maps/{dir}/{stem}.png'", 'of all pictures below a folder'],
    ["'train-{000..146}.tar' --out 'maps/{shard}.tar' --resume", 'shards to shards; what is done stays done'],
  ],
  args: {
    ...picturesArgument,
    out: {
      type: 'string',
      valueHint: 'pattern',
      default: 'out/{stem}.png',
      description:
        'where to: .png, .npy, .npz, or a .tar for each shard; with {dir} (below the folder that was named), {stem}, ' +
        '{shard}, {class} and {method}',
    },
    ...manyOptions,
    ...modelOption,
    ...prepOption,
    ...classOption,
    ...methodOptions,
    overlay: { type: 'string', valueHint: 'alpha', description: OVERLAY_HELP },
    'map-size': {
      type: 'string',
      valueHint: 'N',
      default: '1024',
      description: 'longer side of a drawn map at most; 0: as large as the picture',
    },
    cmap: {
      type: 'enum',
      options: [...colourMapNames],
      description: 'colours (default: viridis; coolwarm for maps with a sign)',
    },
    percentile: {
      type: 'string',
      valueHint: 'P',
      default: '99',
      description: 'beyond this percentile of the absolute values colours stay the same',
    },
    npy: { type: 'boolean', description: 'also write the numbers, float32, beside the picture' },
    ...common,
  },
  async run(args, session) {
    const { signal } = session;
    checkPattern(args.out, ['png', 'npy', 'npz', 'tar']);
    const percentile = numberOption('percentile', args.percentile, 0, 100);
    const longest = numberOption('map-size', args['map-size'], 0, 65_536, true);
    const alpha = args.overlay === undefined ? null : numberOption('overlay', args.overlay, 0, 1);
    const maker = mapMakerOf(args);
    const file = await readModel(args, session);
    const input = preparationOf(file, args.prep, session);
    const chosen = classOf(args.class, file.labels);

    const ending = endingOf(args.out);
    const isTar = ending === 'tar';
    if (isTar && !args.out.includes('{shard}'))
      throw new UsageError(`--out is '${args.out}'; a tar is written for each shard: {shard}.tar would be right`);
    const first = isTar ? 'png' : (ending as MapFile);
    const kinds: readonly MapFile[] = args.npy && first !== 'npy' ? [first, 'npy'] : [first];
    const nameOf = (names: Names, label: string): string =>
      fillPattern(isTar ? '{dir}/{stem}.png' : args.out, { ...names, class: label, method: maker.method });
    const filesOf = (names: Names, label: string): readonly string[] => {
      const out = nameOf(names, label);
      return kinds.map((kind) => (kind === first ? out : beside(out, kind)));
    };

    return overPictures(args, session, {
      command: 'saliency',
      file,
      input,
      parameters: { ...maker.parameters, class: chosen, percentile, overlay: alpha, longest, kinds, cmap: args.cmap },
      batch: maker.together ? null : maker.batch,
      folder: folderOf(args.out),
      needsPicture: alpha !== null,
      filesOf,
      known: labelBefore(args.out, chosen, file.labels),
      ...(isTar && {
        tarOf: (names: Names) => fillPattern(args.out, { ...names, class: '', method: maker.method }),
      }),
      open: async ({ model, pool, adapter }) => ({
        make: (lane, pictures) => maker.makeAll(lane, pictures, chosen, { signal }),
        labelOf: (map) => model.labelOf(map.class),
        async finish({ item, size, picture, result: map, files }) {
          noteFlat(item.picture, map, session);
          const { width, height, signed, flat = null, certainty } = map;
          const label = model.labelOf(map.class);
          const colours = args.cmap ?? (signed ? 'coolwarm' : 'viridis');
          const result = { class: map.class, label, score: map.score };
          const parameters = { ...map.meta, colours, percentile, overlay: alpha };
          const drawnSize = within(size, longest);
          const { contents, clip, percentiles } = await pool.run('draw', {
            map: {
              ...{ data: map.data, width, height, signed, class: map.class, score: map.score },
              ...(certainty && { certainty }),
            },
            kinds,
            ...drawnSize,
            placement: placementOf(drawnSize, input),
            ...(alpha !== null && picture && { overlay: { picture, alpha } }),
            colours,
            percentile,
            text: { image: basename(item.picture), ...result, parameters, adapter },
          });
          const [out, npy = null] = files;
          return {
            contents: kinds.map((kind) => contents[kind]!),
            line: result,
            json: {
              image: item.picture,
              ...(item.shard !== null && { shard: item.shard }),
              out,
              npy,
              ...result,
              map: { width, height, signed, flat, percentiles },
              ...(certainty && { certainty }),
              parameters: { ...parameters, clip },
              adapter,
            },
            text: `${files.join(', ')}: ${named(map.class, label)}, score ${map.score.toPrecision(6)}${
              certainty ? `; ${certaintyInWords(certainty)}` : ''
            }`,
          };
        },
      }),
    });
  },
});

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The same proportions, the longer side at most `longest`; 0: as it is. */
function within({ width, height }: Size, longest: number): Size {
  const scale = longest === 0 ? 1 : Math.min(1, longest / Math.max(width, height));
  const scaled = (side: number): number => Math.max(1, Math.round(side * scale));
  return { width: scaled(width), height: scaled(height) };
}
