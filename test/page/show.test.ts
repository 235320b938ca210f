/** What the page hands on: figures, films, and commands and code that make the same numbers. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'puppeteer';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { relativeL2 } from '../../src/compare';
import { readNpy } from '../../src/formats/npy';
import { methodNamed } from '../../src/index';
import { score } from '../../src/demo/words';
import { textsOf } from '../../src/image/png';
import { buildOnce } from '../cli/gradlens';
import { mapNumber, openDemo, savedBy, settled, stateOf, TEN } from './open';

const root = join(import.meta.dirname, '../..');

/** A folder as a user's, where the package is installed, with the samples. */
function userFolder(): string {
  buildOnce();
  const folder = mkdtempSync(join(tmpdir(), 'gradlens-user-'));
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules/gradlens'));
  symlinkSync(join(root, 'bin/gradlens.js'), join(folder, 'node_modules/.bin/gradlens'));
  symlinkSync(join(root, 'samples'), join(folder, 'samples'));
  return folder;
}

const run = (folder: string, program: string, ...args: string[]): string =>
  execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 120_000 });

/** What a button copies, or shows where it may not. */
async function copied(page: Page, button: string): Promise<string> {
  await page.$eval('#out-words', (words) => words.replaceChildren());
  await page.click(button);
  await page.waitForFunction(() => document.querySelector('#out-words')!.textContent !== '');
  return page.$eval('#out-words', (words) => words.textContent);
}

/** What the code prints, as JSON: it ends in one `console.log`. */
function printedBy(folder: string, code: string): unknown[] {
  const plain = code.replace(
    /console\.log\((.*)\);/,
    (_, given: string) =>
      `console.log(JSON.stringify([${given}], (_, value) => ArrayBuffer.isView(value) ? Array.from(value) : value));`,
  );
  writeFileSync(join(folder, 'code.mjs'), plain);
  return JSON.parse(run(folder, process.execPath, 'code.mjs').trim().split('\n').at(-1)!) as unknown[];
}

test('a map is saved as a figure, and its command and its code make the same numbers', async () => {
  const { page, errors, close } = await openDemo(`#${TEN}&sample=church&relu=guided`);
  const { map, classes } = await mapNumber(page, 1);
  expect(await page.$eval('#caution', (caution) => caution.textContent)).toContain('hardly depends on the class');
  expect(await page.$eval('#reading-text', (words) => words.textContent)).toBe(
    methodNamed('saliency').reading.join(' '),
  );

  const { name, bytes } = await savedBy(page, '#save-svg');
  const svg = bytes.toString('utf8');
  expect(name).toBe('church-church.svg');
  expect(svg).toContain('>church</text>');
  expect(svg).toContain(`>score ${score(map.score)}, ${(classes[0]!.probability! * 100).toFixed(1)} %</text>`);
  expect(svg.match(/<image /g)).toHaveLength(3);
  expect(svg).toContain('; ReLUs: guided');
  expect(svg).toContain('imagenette-128-robust, 10 classes');
  expect(svg.replaceAll(/<\/text>\n<text [^>]*>/g, '')).toContain('sample=church&amp;relu=guided');

  const png = new Uint8Array((await savedBy(page, '#save-figure')).bytes);
  const { width, height } = await sharp(png).metadata();
  const [, drawn] = /viewBox="0 0 1200 (\d+)"/.exec(svg)!;
  expect({ width, height }).toEqual({ width: 1800, height: Math.round(1.5 * Number(drawn)) });
  expect(JSON.parse(textsOf(png)['gradlens']!)).toMatchObject({ map: { label: 'church', l2: map.l2 } });
  // the map's panel is drawn: not white
  const middle = await sharp(png).extract({ left: 1300, top: 400, width: 300, height: 200 }).stats();
  expect(middle.channels[0]!.mean).toBeLessThan(200);

  const folder = userFolder();
  const command = await copied(page, '#copy-command');
  run(folder, 'sh', '-c', command);
  const npy = readdirSync(join(folder, 'out')).find((file) => file.endsWith('.npy'))!;
  const { data, shape } = readNpy(readFileSync(join(folder, 'out', npy)));
  expect(shape).toEqual([128, 128]);
  expect(relativeL2(data, map.values)).toBeLessThan(1e-3);

  const [label, of, values] = printedBy(folder, await copied(page, '#copy-code')) as [string, number, number[]];
  expect(label).toBe('church');
  expect(of).toBeCloseTo(map.score, 3);
  expect(relativeL2(values, map.values)).toBeLessThan(1e-3);
  expect(errors).toEqual([]);
  await close();
});

test('a cut is saved as a figure, and its command and its code find the same box', async () => {
  const { page, errors, close } = await openDemo(`#tab=segmentation&${TEN}&sample=parachute&lambda=40`);
  await page.waitForFunction(() => window.gradlens?.state.segmentations === 1, { timeout: 100_000 });
  const { segmentation } = await settled(page);
  const [left, top, width, height] = segmentation!.box;
  const svg = (await savedBy(page, '#save-svg')).bytes.toString('utf8');
  expect(svg).toContain(`Box ${width}×${height} at ${left}, ${top}`);

  const folder = userFolder();
  const command = await copied(page, '#copy-command');
  expect(command).toContain('--lambda 40');
  const printed = JSON.parse(run(folder, 'sh', '-c', `${command} --json`)) as { box: number[]; energy: number };
  expect(printed.box).toEqual([left, top, width, height]);
  const [box, energy] = printedBy(folder, await copied(page, '#copy-code')) as [number[], number];
  expect(box).toEqual([left, top, width, height]);
  expect(energy / segmentation!.energy).toBeCloseTo(1, 3);
  expect(errors).toEqual([]);
  await close();
});

test('class models begin with those that are ready, and any of them is a place to start from', async () => {
  const { page, errors, close } = await openDemo(`#tab=class-model&${TEN}&iterations=4`);
  await settled(page);
  await page.waitForFunction(() => document.querySelectorAll('#gallery .ready img').length === 10);
  expect(await page.$eval('#save-figure', (button) => (button as HTMLButtonElement).disabled)).toBe(true);
  await page.$$eval('#gallery .ready', (all) => (all[6] as HTMLButtonElement).click());
  await page.waitForFunction(() => window.gradlens.state.ascent?.phase === 'finished', { timeout: 200_000 });
  const { ascent } = await settled(page);
  expect(ascent).toMatchObject({ names: ['garbage truck'], iteration: 4, meta: { start: true } });
  const { classModels } = JSON.parse(readFileSync('samples/ready/index.json', 'utf8')) as {
    classModels: { model: string; class: number; score: number }[];
  };
  const made = classModels.find((one) => one.model === 'imagenette-128-robust' && one.class === 6)!;
  expect(ascent!.scores[0]![0]! / made.score).toBeGreaterThan(0.7); // as WebP keeps it, far above the score of grey
  await page.click('#copy-code');
  await page.waitForFunction(() => document.querySelector('#out-text')!.textContent !== '');
  expect(await page.$eval('#out-text', (text) => text.textContent)).toContain('no command makes it again');
  expect(errors).toEqual([]);
  await close();
});

test('a class model is saved as a film and as a figure, and its code ends with the same score', async () => {
  const { page, errors, close } = await openDemo(`#tab=class-model&${TEN}&class=church&iterations=8&recipe=paper`);
  await settled(page);
  await page.click('#ascent-start');
  await page.waitForFunction(() => window.gradlens.state.ascent?.phase === 'finished', { timeout: 200_000 });
  const { ascent } = await settled(page);
  const last = ascent!.scores[0]!.at(-1)!;
  const svg = (await savedBy(page, '#save-svg')).bytes.toString('utf8');
  expect(svg).toContain(`>score ${score(last)}</text>`);
  expect(svg).toContain('8 steps up the score');

  const { name, bytes } = await savedBy(page, '#save-film');
  expect(name).toBe('class-model-church.webm');
  expect(bytes.subarray(0, 4).toString('hex')).toBe('1a45dfa3'); // EBML
  const film = await page.evaluate(async (base64) => {
    const video = document.createElement('video');
    video.muted = true;
    video.src = URL.createObjectURL(await (await fetch(`data:video/webm;base64,${base64}`)).blob());
    await new Promise((resolve, reject) => {
      video.addEventListener('loadeddata', resolve);
      video.addEventListener('error', () => reject(new Error(video.error?.message)));
    });
    return { width: video.videoWidth, height: video.videoHeight };
  }, bytes.toString('base64'));
  expect(film).toEqual({ width: 720, height: 816 });
  expect((await stateOf(page)).ascent!.phase).toBe('finished'); // recording leaves what is shown

  // by the browser's own driver: from the zero image, where all is tied, rounding decides where the ascent goes
  const code = (await copied(page, '#copy-code')).replace('Engine()', "Engine({ icd: 'swiftshader' })");
  const [ended] = printedBy(userFolder(), code) as [number];
  expect(ended / last).toBeCloseTo(1, 2);
  expect(errors).toEqual([]);
  await close();
});
