import { basename } from 'node:path';
import { writeNpy } from '../formats/npy';
import { colourMapNames } from '../image/colourMaps';
import { placementOf } from '../image/placement';
import type { Pixels } from '../image/pixels';
import { OVERLAY_ALPHA, clipOf, renderMap } from '../image/render';
import { common, command, numberOption } from './args';
import type { Outputs } from './files';
import { classOf, classOption, modelOption, preparationOf, prepOption, readModel } from './models';
import { mapMakerOf, methodOptions, noteFlat } from './methods';
import { checkPattern, encodePng, fillPattern, labelBefore, named, npyBeside, stemOf } from './output';
import { eachPicture, imagesArgument } from './pictures';

const OVERLAY_HELP =
  'lay the map over the picture, whose pixels it covers by their values, the largest ones as opaque as this (alone: ' +
  `${OVERLAY_ALPHA})`;

export const saliency = command({
  name: 'saliency',
  description: 'what of a picture a class score depends on (§3.1): |gradient|, as a picture',
  args: {
    ...imagesArgument,
    ...modelOption,
    ...prepOption,
    ...classOption,
    ...methodOptions,
    out: {
      type: 'string',
      valueHint: 'pattern',
      default: 'out/{stem}.png',
      description: 'where to, with {stem}, {class} and {method}',
    },
    overlay: { type: 'string', valueHint: 'alpha', description: OVERLAY_HELP },
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
    const { signal, onProgress } = session;
    checkPattern(args.out);
    const percentile = numberOption('percentile', args.percentile, 0, 100);
    const alpha = args.overlay === undefined ? null : numberOption('overlay', args.overlay, 0, 1);
    const maker = mapMakerOf(args);
    const file = await readModel(args, session);
    const input = preparationOf(file, args.prep, session);
    const chosen = classOf(args.class, file.labels);
    const filesOf = (path: string, label: string): readonly [out: string] | readonly [out: string, npy: string] => {
      const out = fillPattern(args.out, { stem: stemOf(path), class: label, method: maker.method });
      return args.npy ? [out, npyBeside(out)] : [out];
    };
    const known = labelBefore(args.out, chosen, file.labels);

    const open = async () => {
      const engine = await session.openEngine(args.driver);
      const model = await engine.load(file, { input, batch: maker.batch, signal, onProgress });
      const { adapter } = engine.environment;
      return async (path: string, picture: Pixels, outputs: Outputs) => {
        const map = await maker.make(model, picture, chosen, { signal });
        noteFlat(path, map, session);
        const label = model.labelOf(map.class);
        const [out, npy = null] = filesOf(path, label);
        for (const name of filesOf(path, label)) outputs.claim(name);

        const colours = args.cmap ?? (map.signed ? 'coolwarm' : 'viridis');
        const rendered = renderMap(map, {
          colours,
          percentile,
          width: picture.width,
          height: picture.height,
          placement: placementOf(picture, input),
          ...(alpha === null ? {} : { overlay: { picture, alpha } }),
        });
        const result = { class: map.class, label, score: map.score };
        const parameters = { ...map.meta, colours, percentile, clip: clipOf(map.data, percentile), overlay: alpha };
        await outputs.write(out, await encodePng(rendered, { image: basename(path), ...result, parameters, adapter }));
        if (npy !== null) await outputs.write(npy, writeNpy([map.height, map.width], map.data));

        const { width, height, signed, flat = null } = map;
        const quantiles = Object.fromEntries([50, 90, 95, 99, 100].map((p) => [p, clipOf(map.data, p)]));
        session.print(
          args.json,
          {
            image: path,
            out,
            npy,
            ...result,
            map: { width, height, signed, flat, percentiles: quantiles },
            parameters,
            adapter,
          },
          `${npy === null ? out : `${out}, ${npy}`}: ${named(map.class, label)}, score ${map.score.toPrecision(6)}`,
        );
      };
    };
    return eachPicture(args._, session, open, (path) => (known === undefined ? [] : filesOf(path, known)));
  },
});
