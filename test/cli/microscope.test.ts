/** `gradlens microscope`: pictures of channels, several in one ascent, as a folder that is gone on with. */
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { classModel } from '../../src';
import { layersOf } from '../../src/cli/microscope/layers';
import { pageOf } from '../../src/cli/microscope/page';
import { textsOf } from '../../src/image/png';
import { fileAddress } from '../../src/node';
import { readImage } from '../../src/node/image';
import { engineOn } from '../methods/support';
import { runGraph } from '../oracle/network';
import { EXTENTS, LABELS, buildOnce, folder, gradlens, jsonLines, tiny, writePicture, writeTiny } from './gradlens';

let dir: string;
let model: string;
const at = (...names: string[]): string => join(dir, ...names);
const file = { graph: tiny, labels: LABELS, provenance: {} };

beforeAll(async () => {
  buildOnce();
  dir = folder();
  model = await writeTiny(dir);
  mkdirSync(at('photos'));
  for (const k of [1, 2, 3]) await writePicture(at(`photos/${k}.png`), EXTENTS.W, EXTENTS.H, k);
});

const run = (out: string, ...args: string[]) => gradlens(['microscope', model, '--out', out, ...args]);
const short = ['--iterations', '3', '--seed', '5'];

test('a net becomes a folder: a picture a channel, a sheet a layer, and a page that holds what there is', async () => {
  const out = join(folder(), 'all');
  const { code, stdout, complaints } = await run(out, ...short, '--per-batch', '4', '--photos', at('photos'), '--json');
  expect([code, complaints]).toEqual([0, []]);
  const told = jsonLines(stdout);
  const layers = layersOf(file, {});
  expect(told.map(({ layer, pictures }) => [layer, pictures])).toEqual([
    ...layers.map(({ name, channels }) => [name, channels.length]),
    [undefined, undefined],
  ]);
  expect(layers.at(-1)).toMatchObject({ name: 'classes', tensor: 'scores', channels: [0, 1, 2, 3] });
  const page = readFileSync(join(out, 'index.html'), 'utf8');
  const named = [...page.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path!);
  for (const path of named) expect(statSync(join(out, path)).isFile(), path).toBe(true);
  for (const { name, folder: own, channels } of layers) {
    expect(readdirSync(join(out, own)).sort()).toEqual([...channels.map((k) => `${k}.png`), 'sheet.png'].sort());
    for (const channel of channels) expect(page).toContain(`id="${name}:${channel}"`);
  }
  expect(page).not.toMatch(/<script|https?:/);

  // one of them by itself, in the library's words
  using engine = await engineOn();
  const net = await engine.load(fileAddress(model));
  const [{ tensor, folder: own }] = layers as [(typeof layers)[0]];
  const options = { preset: 'vivid', noise: 0.1, iterations: 3, seed: 5 } as const;
  const steps = classModel(net, { class: { tensor, channel: 2 }, ...options });
  let next = await steps.next();
  while (!next.done) next = await steps.next();
  const png = join(out, own, '2.png');
  const { data } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([...data]).toEqual([...next.value.picture().data]);
  const text = JSON.parse(textsOf(readFileSync(png))['gradlens']!);
  expect(text).toMatchObject({ layer: tensor, channel: 2, remark: null, parameters: { noise: 0.1, seed: 5 } });
  const [curve] = next.value.scores;
  expect(text.score).toEqual([curve![0], curve!.at(-1)]);
});

test('the strongest photos are those of float64', async () => {
  const out = join(folder(), 'strong');
  await run(out, ...short, '--layers', 'relu2', '--photos', at('photos'), '--per-batch', '2');
  const { strongest } = JSON.parse(readFileSync(join(out, 'photos.json'), 'utf8'));
  using engine = await engineOn();
  const net = await engine.load(fileAddress(model));
  const means: number[][] = [];
  for (const k of [1, 2, 3]) {
    const input = Float64Array.from(await net.prepared(await readImage(at(`photos/${k}.png`))));
    const { data, extents } = runGraph(tiny, input).get('relu2')!;
    const plane = extents.H * extents.W;
    const mean = (c: number) => data.subarray(c * plane, (c + 1) * plane).reduce((a, b) => a + b, 0) / plane;
    means.push(Array.from({ length: extents.C }, (_, c) => mean(c)));
  }
  expect(strongest.relu2).toHaveLength(6);
  for (const [c, own] of (strongest.relu2 as { photo: number; value: number }[][]).entries()) {
    const order = [0, 1, 2].sort((a, b) => means[b]![c]! - means[a]![c]! || a - b);
    expect(own.map(({ photo }) => photo)).toEqual(order);
    own.forEach(({ photo, value }) => expect(value).toBeCloseTo(means[photo]![c]!, 4));
  }
});

test('what is done stays done, what is missing is made, and another option is noticed', async () => {
  const out = join(folder(), 'again');
  const args = [...short, '--layers', 'relu1', '--channels', '0-2', '--json'];
  expect((await run(out, ...args)).code).toBe(0);
  const before = (await run(out, ...args)).complaints.join();
  expect(before).toContain('is there already: add --resume');
  const bytes = (name: string) => readFileSync(join(out, name));
  const [one, index] = [bytes('relu1/1.png'), bytes('index.html')];
  const kept = statSync(join(out, 'relu1/0.png')).mtimeMs;
  rmSync(join(out, 'relu1/1.png'));
  const resumed = await run(out, ...args, '--resume');
  expect([resumed.code, jsonLines(resumed.stdout).at(-1)!.made]).toEqual([0, 1]);
  expect([bytes('relu1/1.png').equals(one), bytes('index.html').equals(index)]).toEqual([true, true]);
  expect(statSync(join(out, 'relu1/0.png')).mtimeMs).toBe(kept);

  const other = await run(out, ...args, '--resume', '--step', '0.5');
  expect([other.code, other.complaints.join()]).toEqual([2, expect.stringContaining('step is 0.5, was 0.02')]);

  const more = await run(out, ...short, '--classes', 'cat,2', '--resume', '--json');
  expect(jsonLines(more.stdout).map(({ layer, pictures }) => [layer, pictures])).toEqual([
    ...[
      ['relu1', 3],
      ['classes', 2],
    ],
    [undefined, undefined],
  ]);
  expect(bytes('index.html').toString()).toContain('id="relu1:2"');
});

test('an interrupted run leaves whole files only, and the next goes on', async () => {
  const out = join(folder(), 'broken');
  const args = ['--iterations', '400', '--layers', 'relu1', '--per-batch', '1'];
  let ended = false;
  const running = gradlens(['microscope', model, '--out', out, ...args], {
    onStart: (kill) => {
      const look = setInterval(() => {
        if (!ended && !existsPng(join(out, 'relu1'))) return;
        clearInterval(look);
        kill('SIGINT');
      }, 20);
    },
  });
  const { code } = await running;
  ended = true;
  expect(code).toBe(130);
  const there = readdirSync(join(out, 'relu1')).filter((name) => /^\d+\.png$/.test(name));
  expect(readdirSync(join(out, 'relu1')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  for (const name of there) textsOf(readFileSync(join(out, 'relu1', name)));
  const { code: again, stdout } = await run(out, ...args, '--resume', '--json');
  expect([again, jsonLines(stdout).at(-1)!.made]).toEqual([0, 5 - there.length]);
});

const existsPng = (path: string): boolean => {
  try {
    return readdirSync(path).some((name) => /^\d+\.png$/.test(name));
  } catch {
    return false;
  }
};

test('nothing is written over what is read', async () => {
  const out = folder();
  mkdirSync(join(out, 'photos'));
  await writePicture(join(out, 'photos/0.jpg'), 20, 20, 1);
  const before = readFileSync(join(out, 'photos/0.jpg'));
  const { code, complaints } = await run(out, ...short, '--classes', '0', '--photos', join(out, 'photos'));
  expect([code, complaints.join()]).toEqual([2, expect.stringContaining('is read by this command already')]);
  expect(readFileSync(join(out, 'photos/0.jpg')).equals(before)).toBe(true);
});

test('layers, channels and classes by their names', () => {
  const namesOf = (wanted: Parameters<typeof layersOf>[1]) =>
    layersOf(file, wanted).map(({ name, channels }) => [name, channels.join()]);
  expect(namesOf({ layers: 'conv2,relu1', channels: '5,3-9' })).toEqual([
    ['relu1', '3,4'],
    ['conv2', '3,4,5'],
  ]);
  expect(namesOf({ classes: 'all' })).toEqual([['classes', '0,1,2,3']]);
  expect(namesOf({ classes: 'hound,2-3,0', layers: 'conv1', channels: '0' })).toEqual([
    ['conv1', '0'],
    ['classes', '0,1,2,3'],
  ]);
  expect(() => namesOf({ layers: 'relu9' })).toThrow("--layers has 'relu9'; the stages end in relu1");
  expect(() => namesOf({ layers: 'relu1', channels: '9' })).toThrow("--channels is '9'; no layer has one of these");
  expect(() => namesOf({ layers: 'relu1', channels: '3-1' })).toThrow('numbers and ranges, such as 0-9,12');
  expect(() => namesOf({ classes: '2-9' })).toThrow("--classes has '2-9'; there are 4 classes, 0 to 3");
  expect(() => namesOf({ classes: 'fish' })).toThrow("unknown class 'fish'");
});

test('folders have names that any file system takes, each its own', () => {
  const names: Readonly<Record<string, string>> = {
    conv1: '/a/Conv',
    relu1: 'a.Conv',
    conv2: 'A/conv',
    relu2: 'Photos',
  };
  const nodes = tiny.nodes.map((node) => ({
    ...node,
    name: names[node.name] ?? node.name,
    inputs: node.inputs.map((input) => names[input] ?? input),
  }));
  const layers = layersOf({ ...file, graph: { ...tiny, nodes } }, { layers: Object.values(names).join() });
  expect(layers.map(({ folder }) => folder)).toEqual(['a-Conv', 'a.Conv', 'A-conv-2', 'Photos-1']);
});

test('names of layers and classes cannot break out of the page', () => {
  const layer = { name: '<b>&"#', tensor: 't', folder: 'b', height: 1, width: 1, channels: [0], labels: ['<i>'] };
  const units = [{ channel: 0, label: '<i>', score: [0, 1] as const, remark: 'flat' as const }];
  const page = pageOf('<u>', [{ layer, units }], { made: '', aspect: 1, photos: null });
  expect(page).not.toMatch(/<b>|<i>|<u>/);
  expect(page).toContain('flat');
});

test('what makes no sense is a usage error', async () => {
  const out = join(folder(), 'none');
  writeFileSync(at('microscope.json'), '{}');
  for (const [where, words, message] of [
    [out, '--layers nowhere', /--layers has 'nowhere'/],
    [out, '--per-batch 0', /--per-batch is '0'/],
    [out, '--preset loud', /--preset is 'loud'/],
    [out, `--photos ${at('squash')}`, /holds no pictures/],
    [dir, '--classes 0', /microscope\.json is no manifest of this command/],
  ] as const) {
    const { code, complaints } = await run(where, ...words.split(' '));
    expect([code, complaints.join()]).toEqual([2, expect.stringMatching(message)]);
  }
});
