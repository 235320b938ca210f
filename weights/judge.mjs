/**
 * What the ten-class nets show:  node weights/judge.mjs DATA [--models a,b] [--preset vivid] [--iterations N]
 * [--pictures FOLDER] [--no-boxes]
 *
 * Class models of all classes, made by gradlens and named by a net that had no part in training, SqueezeNet 1.1, among
 * its 1000 classes; and the boxes cut from the maps of the `loc` photos, beside two controls. Writes judgement.json
 * here, and the class models as PNG where --pictures says. DATA holds weights/squeezenet1.1.onnx, labels/ and
 * imagenette224/.
 */
import { execFileSync, execSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from '../scripts/arguments.mjs';
import sharp from 'sharp';
import { CLASS_MODEL_PRESETS, SHIPPED_MODELS, classModel, presetSpec } from 'gradlens';
import { createNodeEngine, fileAddress } from 'gradlens/node';
import { SHARE } from './share.mjs';

/** @import { ClassModelPreset } from '../src/index.ts' */

const {
  positionals: [data = '.'],
  values,
} = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    models: {
      type: 'string',
      default: Object.keys(SHIPPED_MODELS)
        .filter((name) => name.startsWith('imagenette'))
        .join(),
    },
    preset: { type: 'string', default: 'vivid' },
    iterations: { type: 'string' },
    pictures: { type: 'string' },
    boxes: { type: 'boolean', default: true },
  },
});
/** @param {string} file */
const json = (file) => JSON.parse(readFileSync(join(data, file), 'utf8'));
/** @type {{ classes: { index: number, label: string, imagenet_index: number }[] }} */
const { classes } = json('imagenette224/index.json');
const thousand = json('labels/imagenet1000.json').classes;
const preset = /** @type {ClassModelPreset} */ (values.preset);
const iterations = Number(values.iterations ?? CLASS_MODEL_PRESETS[preset].iterations);

/** How a box is made of a map. */
const BOX = ['--preset', 'layers', '--share', String(SHARE)];

const engine = await createNodeEngine({ onNotice: (message) => console.error(message) });
const { adapter } = engine.environment;
const witness = await engine.load(fileAddress(join(data, 'weights/squeezenet1.1.onnx')), {
  input: presetSpec('caffe-bgr', { C: 3, H: 227, W: 227 }),
});

/** @type {Record<string, object>} */
const result = {};
for (const name of values.models.split(',')) {
  result[name] = { classModels: await classModels(name), ...(values.boxes ? { boxes: boxes(name) } : {}) };
  console.log(JSON.stringify({ [name]: result[name] }, null, 1));
}
writeFileSync(
  new URL('judgement.json', import.meta.url),
  `${JSON.stringify(
    {
      models: result,
      adapter: adapter.description || adapter.device,
      commit: execSync('git rev-parse --short HEAD', { cwd: new URL('.', import.meta.url) })
        .toString()
        .trim(),
      command: 'node weights/judge.mjs DATA',
    },
    null,
    1,
  )}\n`,
);
engine.dispose();
process.exit(0);

/**
 * As people see them, that is, as 8-bit pictures.
 *
 * @param {string} name
 */
async function classModels(name) {
  const model = await engine.load(new URL(`${name}/model.json`, import.meta.url), { batch: classes.length });
  const run = classModel(model, { class: classes.map(({ index }) => index), preset, iterations });
  let next = await run.next();
  while (!next.done) next = await run.next();
  model.dispose();
  /** @type {{ class: string, rank: number, taken: string }[]} */
  const named = [];
  for (const { index, label, imagenet_index: sought } of classes) {
    const picture = next.value.picture(index);
    const ranked = await witness.classify(picture, thousand.length);
    named.push({
      class: label,
      rank: 1 + ranked.findIndex((guess) => guess.index === sought),
      taken: thousand[ranked[0].index].label,
    });
    if (!values.pictures) continue;
    mkdirSync(values.pictures, { recursive: true });
    await sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: 4 } })
      .png()
      .toFile(join(values.pictures, `${name}-${label.replaceAll(' ', '-')}.png`));
  }
  /** @param {number} top */
  const within = (top) => named.filter(({ rank }) => rank <= top).length;
  return { preset, iterations, of: named.length, top1: within(1), top5: within(5), named };
}

/**
 * The command line's own measure.
 *
 * @param {string} name
 */
function boxes(name) {
  const folder = join(data, 'imagenette224');
  const lines = execFileSync(
    process.execPath,
    [
      fileURLToPath(new URL('../bin/gradlens.js', import.meta.url)),
      'localise',
      join(folder, 'loc.tar'),
      '--boxes',
      join(folder, 'loc-boxes.json'),
      '--model',
      name,
      ...BOX,
      '--index',
      join(mkdtempSync(join(tmpdir(), 'gradlens-judge-')), 'index.jsonl'),
      '--json',
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const { segmentation, centreBox, wholeImage } = JSON.parse(lines.trim().split('\n').at(-1) ?? '');
  return { options: BOX.join(' '), segmentation, centreBox, wholeImage };
}
