/** Pictures and networks by every way in, good and broken; and a link that shows it again. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { DEFAULT_MODEL } from '../../src/publicModels';
import { external, node, onnxFile } from '../formats/models';
import { DATA, data } from '../needs';
import { alertOf, chooseRadio, mapNumber, openQuick, setField, settled, stateOf, TEN } from './open';

const FIXTURE = 'test/fixtures/squeezenet1_1.onnx';

describe('pictures', () => {
  test('come from an address, which a link then carries, or the page says why not', async () => {
    const picture = readFileSync('samples/imagenette/church.jpg');
    const server = createServer(({ url }, response) => {
      if (url === '/open/church.jpg')
        response.writeHead(200, { 'content-type': 'image/jpeg', 'access-control-allow-origin': '*' }).end(picture);
      else if (url === '/closed/church.jpg') response.writeHead(200, { 'content-type': 'image/jpeg' }).end(picture);
      else response.writeHead(404, { 'access-control-allow-origin': '*' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { page, close } = await openQuick();
    await mapNumber(page, 1);
    const fetchBy = async (path: string): Promise<void> => {
      await page.$eval(
        '#picture-address',
        (field, value) => {
          (field as HTMLInputElement).value = value;
          (field as HTMLInputElement).form!.requestSubmit();
        },
        base + path,
      );
    };
    await fetchBy('/open/church.jpg');
    const fetched = await mapNumber(page, 2);
    expect(fetched.picture).toEqual({ name: 'church.jpg', width: 480, height: 360 });
    const { href } = new URL(page.url());
    expect(new URLSearchParams(new URL(href).hash.slice(1)).get('picture')).toBe(`${base}/open/church.jpg`);

    for (const [path, words] of [
      ['/gone.jpg', '404'],
      ['/closed/church.jpg', 'does not allow'],
    ] as const) {
      await fetchBy(path);
      await page.waitForFunction((words) => window.gradlens.state.error?.message.includes(words), {}, words);
      expect((await stateOf(page)).map!.picture).toBe('church.jpg');
    }
    const again = await openQuick(new URL(href).hash); // the other page is still open: this one is new
    expect((await mapNumber(again.page, 1)).map.values).toEqual(fetched.map.values);
    await again.page.close();
    await close();
    server.close();
  });

  test('come from the camera, frame by frame; the last can be kept, its end brings back the one before', async () => {
    const { page, errors, close } = await openQuick(`#${TEN}&sample=church`);
    const before = await mapNumber(page, 1);
    await page.click('#camera');
    await page.waitForFunction(() => (window.gradlens.state.camera?.frames ?? 0) >= 2, { timeout: 100_000 });
    expect((await stateOf(page)).map).toMatchObject({ picture: 'camera', method: 'saliency' });
    expect(await page.$eval('#video', (video) => (video as HTMLElement).checkVisibility())).toBe(true);
    await page.click('#cancel');
    const after = await mapNumber(page, 2);
    expect(after).toMatchObject({ camera: null, picture: { name: 'church' } });
    expect(after.map.values).toEqual(before.map.values);
    expect(await page.$eval('#video', (video) => (video as HTMLVideoElement).srcObject)).toBeNull();

    await page.click('#camera');
    await page.waitForFunction(() => (window.gradlens.state.camera?.frames ?? 0) >= 1, { timeout: 100_000 });
    await page.click('#camera');
    const kept = await mapNumber(page, 3);
    expect(kept).toMatchObject({
      camera: null,
      picture: { name: 'camera', width: 640, height: 480 },
      map: { picture: 'camera' },
    });
    expect(errors).toEqual([]);
    await close();
  });

  test('may be turned, transparent, grey, or of sixteen bits', async () => {
    const { page, close } = await openQuick();
    await mapNumber(page, 1);
    const raw = { raw: { width: 60, height: 40, channels: 3 as const } };
    const noise = Buffer.from(Array.from({ length: 60 * 40 * 3 }, (_, i) => (i * 7919) % 256));
    const files: readonly (readonly [string, Buffer, number, number])[] = [
      ['turned.jpg', await sharp(noise, raw).withMetadata({ orientation: 6 }).jpeg().toBuffer(), 40, 60],
      ['clear.png', await sharp(noise, raw).ensureAlpha(0.5).png().toBuffer(), 60, 40],
      ['grey.jpg', await sharp(noise, raw).greyscale().jpeg().toBuffer(), 60, 40],
      ['deep.png', await sharp(noise, raw).toColourspace('rgb16').png().toBuffer(), 60, 40],
      ['ink.jpg', await sharp(noise, raw).toColourspace('cmyk').jpeg().toBuffer(), 60, 40],
    ];
    let count = 1;
    for (const [name, bytes, width, height] of files) {
      await page.evaluate(
        (name, text) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], name));
          document.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
        },
        name,
        bytes.toString('latin1'),
      );
      expect((await mapNumber(page, ++count)).picture, name).toEqual({ name, width, height });
    }
    await close();
  });
});

describe('networks', () => {
  test.each(['constructor', '__proto__'])('a link that asks for the net %s shows the usual one', async (name) => {
    const { page, errors, close } = await openQuick(`#sample=ladybug&network=${name}`);
    await mapNumber(page, 1);
    expect(await page.$eval('#model', (menu) => (menu as HTMLSelectElement).selectedIndex)).toBe(0);
    expect(errors).toEqual([]);
    await close();
  });

  test('weights beside a net may have any name', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gradlens-page-'));
    const at = (name: string): string => join(folder, name);
    const nodes = [node('Conv', ['x', 'w'], 'c'), node('GlobalAveragePool', ['c'], 'p'), node('Flatten', ['p'], 'y')];
    const { page, errors, close } = await openQuick(`#${TEN}&sample=church`);
    await mapNumber(page, 1);
    const input = (await page.$('input#file'))!;
    for (const [i, name] of ['ext.bin', 'net.onnx_data', 'conv1.weight'].entries()) {
      const tensors = [external('w', [4, 3, 1, 1], { location: name })];
      writeFileSync(at('net.onnx'), onnxFile({ nodes, tensors, input: ['N', 3, 8, 8] }));
      writeFileSync(at(name), Buffer.from(Float32Array.from({ length: 12 }, (_, k) => k - 5).buffer));
      await input.uploadFile(at('net.onnx'), at(name));
      expect((await mapNumber(page, 2 + i)).network).toMatchObject({ classes: 4 });
    }
    expect(errors).toEqual([]);
    await close();
  });

  test('a net of one’s own gets names for its classes and another preparation, and the menu leads back', async () => {
    const { page, errors, close } = await openQuick(`#${TEN}&sample=golf-ball`);
    const first = await mapNumber(page, 1);
    const input = (await page.$('input#file'))!;
    await input.uploadFile(FIXTURE);
    const own = await mapNumber(page, 2);
    expect(own.network).toMatchObject({ labels: [], preparation: { by: 'guess' } });
    expect(await page.$eval('#network-text', (text) => text.textContent)).toContain('a guess');
    expect(await page.$eval('#model option:checked', (option) => option.textContent)).toBe(
      'squeezenet1_1.onnx (yours)',
    );

    await page.evaluate(() => {
      (document.querySelector('#network') as HTMLDetailsElement).open = true;
    });
    await setField(page, '#prep', 'signed');
    const signed = await mapNumber(page, 3);
    expect(signed.network!.preparation).toMatchObject({ by: 'caller', prep: 'signed' });
    expect(signed.classes[0]!.score).not.toBe(own.classes[0]!.score);

    await page.evaluate((count) => {
      const data = new DataTransfer();
      data.items.add(new File([Array.from({ length: count }, (_, k) => `kind ${k}`).join('\n')], 'names.txt'));
      const field = document.querySelector<HTMLInputElement>('#labels-file')!;
      field.files = data.files;
      field.dispatchEvent(new Event('change', { bubbles: true }));
    }, own.network!.classes);
    const named = await mapNumber(page, 4);
    expect(named.map.label).toBe(`kind ${named.map.class}`);

    await setField(page, '#model', 'imagenette-128-robust');
    const back = await mapNumber(page, 5);
    expect(back.map.values).toEqual(first.map.values);
    expect(back.network!.labels).toEqual(first.network!.labels);
    expect(errors).toEqual([]);
    await close();
  });

  test('a broken net is refused by name, and the one before stays', async () => {
    const { page, close } = await openQuick();
    const before = await mapNumber(page, 1);
    await page.evaluate(() => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array([8, 7, 18, 200, 1, 255])], 'broken.onnx'));
      document.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await page.waitForFunction(() => window.gradlens.state.error !== null);
    expect(await alertOf(page)).not.toBe('');
    expect((await stateOf(page)).network!.name).toBe(before.network!.name);
    await page.click('#samples button[value="ladybug"]');
    expect((await mapNumber(page, 2)).picture!.name).toBe('ladybug');
    await close();
  });

  test('of a net that is changed while another one is computing, only its own numbers are shown', async () => {
    const { page, errors, close } = await openQuick('#method=smoothgrad&samples=64');
    await page.waitForFunction(() => window.gradlens?.state.classes.length > 0, { timeout: 100_000 });
    await (await page.$('input#file'))!.uploadFile(FIXTURE);
    const { map, network } = await mapNumber(page, 1);
    expect(map.meta['model']).toBe(network!.name);
    expect(network!.name).not.toBe(DEFAULT_MODEL);
    expect(errors).toEqual([]);
    await close();
  });

  test('what takes long can be cancelled, and the last result stays', async () => {
    const { page, close } = await openQuick();
    const before = await mapNumber(page, 1);
    await setField(page, '#saliency [name=samples]', '1024');
    await mapNumber(page, 2); // a changed field shows the map anew
    await chooseRadio(page, 'method', 'smoothgrad');
    await page.waitForFunction(() => document.querySelector('#activity-text')!.textContent.startsWith('Computing:'), {
      timeout: 100_000,
    });
    await page.click('#cancel');
    const { phase, map } = await settled(page);
    expect({ phase, method: map!.method }).toEqual({ phase: 'ready', method: 'saliency' });
    await chooseRadio(page, 'method', 'saliency');
    expect((await mapNumber(page, 3)).map.values).toEqual(before.map.values);
    await close();
  });
});

test('a link brings back the network’s preparation, picture, class, method and parameters', async () => {
  const { page, close } = await openQuick(
    '#prep=unit&sample=ladybug&class=pizza&method=smoothgrad&samples=3&noise=0.3&colours=gray&clip=95&opacity=20',
  );
  const { map, network } = await mapNumber(page, 1);
  expect(map).toMatchObject({
    label: 'pizza',
    method: 'smoothgrad',
    picture: 'ladybug',
    meta: { samples: 3, noise: 0.3 },
  });
  expect(network!.preparation).toMatchObject({ by: 'caller', prep: 'unit' });
  expect(await page.$eval('#legend-high', (end) => end.textContent)).toContain('percentile 95');
  expect(page.url()).toContain('#prep=unit&sample=ladybug&class=pizza');
  const again = await openQuick(new URL(page.url()).hash); // the other page is still open: this one is new
  expect((await mapNumber(again.page, 1)).map.values).toEqual(map.values);
  await again.page.close();
  await close();
});

test('SqueezeNet 1.1 gives photographs the classes that are known of it', DATA, async () => {
  const { photos } = JSON.parse(readFileSync(join(data, 'photos/index.json'), 'utf8')) as {
    photos: { file: string; squeezenet11_top5: [index: number, probability: number][] }[];
  };
  const { page, close } = await openQuick('#tab=class-model'); // which asks for scores alone
  const { networks } = await settled(page);
  const another = (count: number) =>
    page.waitForFunction((n) => window.gradlens.state.networks === n, { timeout: 100_000 }, networks + count);
  const input = (await page.$('input#file'))!;
  await input.uploadFile(join(data, 'weights/squeezenet1.1.onnx'));
  await another(1);
  await setField(page, '#prep', 'caffe-bgr');
  await another(2);
  for (const {
    file,
    squeezenet11_top5: [[top1] = []],
  } of photos.slice(0, 3)) {
    await input.uploadFile(join(data, 'photos', file));
    await page.waitForFunction(
      (file) => window.gradlens.state.picture?.name === file && window.gradlens.state.classes.length > 0,
      { timeout: 100_000 },
      file,
    );
    expect((await settled(page)).classes[0]!.index, file).toBe(top1);
  }
  await close();
});
