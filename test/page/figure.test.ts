/** Figures and recipes: what they say, from what they are told. */
import { describe, expect, test } from 'vitest';
import { type Figure, figureSvg, wrapped } from '../../src/image/figure';
import { type Choice, type NetChoice, codeOf, commandOf, quoted } from '../../src/demo/figure/recipe';
import { Reel } from '../../src/demo/figure/reel';

const PIXEL = 'data:image/png;base64,AAAA';
const panel = (width: number, height: number, title = 'Picture') => ({ picture: PIXEL, width, height, title });
const figure: Figure = {
  title: 'salt & <pepper>',
  subtitle: 'score −1.50',
  panels: [panel(480, 360), panel(480, 360, 'The map')],
  scale: { colours: ['#000000', '#ffffff'], low: '0', high: '≥ 0.1', meaning: 'score per unit' },
  notes: ['Saliency map', 'Network: small'],
  address: 'https://example.org/#class=salt',
};
const numbersOf = (svg: string, tag: string, attribute: string): number[] =>
  [...svg.matchAll(new RegExp(`<${tag} [^>]*?\\b${attribute}="([\\d.]+)"`, 'g'))].map(([, value]) => Number(value));

describe('a figure', () => {
  test('says all that it is told, escaped, and stays within its frame', () => {
    const svg = figureSvg(figure);
    expect(svg).toContain('>salt &amp; &lt;pepper&gt;</text>');
    for (const text of ['score −1.50', 'The map', '≥ 0.1', 'score per unit', 'Network: small', figure.address])
      expect(svg).toContain(`>${text}</text>`);
    expect([...svg.matchAll(/<stop [^>]*stop-color="([^"]+)"/g)].map(([, colour]) => colour)).toEqual([
      '#000000',
      '#ffffff',
    ]);
    const [height] = numbersOf(svg, 'svg', 'height');
    for (const y of [...numbersOf(svg, 'text', 'y'), ...numbersOf(svg, 'image', 'y')]) expect(y).toBeLessThan(height!);
    const [xs, widths] = [numbersOf(svg, 'image', 'x'), numbersOf(svg, 'image', 'width')];
    expect(xs[1]! - xs[0]! - widths[0]!).toBeCloseTo(20); // the gap
    expect(xs[1]! + widths[1]!).toBeCloseTo(1160); // the margin
    expect(widths[0]! / numbersOf(svg, 'image', 'height')[0]!).toBeCloseTo(480 / 360, 2);
    expect(svg).not.toContain('style='); // a content security policy would stop it
  });

  test('a control character in a name does not break the file', () => {
    expect(figureSvg({ ...figure, title: 'a\u0007b\u0000' })).toContain('>a b </text>');
  });

  test('a gallery of ten stands in rows of equal pictures, one tall picture fits on a screen', () => {
    const ten = figureSvg({ ...figure, panels: Array.from({ length: 10 }, () => panel(128, 128)) });
    expect(new Set(numbersOf(ten, 'image', 'y')).size).toBe(2);
    const six = figureSvg({ ...figure, panels: Array.from({ length: 6 }, () => panel(128, 128)) });
    expect(new Set(numbersOf(six, 'image', 'width')).size).toBe(1);
    const tall = figureSvg({ ...figure, panels: [panel(300, 900)] });
    expect(numbersOf(tall, 'image', 'height')).toEqual([640]);
  });

  test('lines break between words, and words that are too long anywhere', () => {
    expect(wrapped('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrapped('abcdefghij kl', 4)).toEqual(['abcd', 'efgh', 'ij', 'kl']);
    expect(wrapped('', 4)).toEqual([]);
  });
});

const net: NetChoice = { name: 'imagenette-128-robust', isFile: false, cropsOrPads: false };
const own: NetChoice = { name: "it's mine.onnx", isFile: true, prep: 'torchvision', size: [64, 96], cropsOrPads: true };
const map = {
  what: 'map',
  picture: 'samples/imagenette/golf-ball.jpg',
  class: 8,
  colours: 'viridis',
  percentile: 99,
} as const;

describe('a recipe', () => {
  test('of a map names what differs from a default, and nothing else', () => {
    const plain: Choice = { net, ...map, method: 'saliency', values: { relu: 'gradient', views: 1 } };
    expect(commandOf(plain)).toBe(
      'npx gradlens saliency samples/imagenette/golf-ball.jpg --model imagenette-128-robust --class 8 --npy',
    );
    const guided: Choice = { ...plain, values: { relu: 'guided', views: 10 }, colours: 'gray', percentile: 95 };
    expect(commandOf(guided)).toContain('--class 8 --relu guided --views 10 --cmap gray --percentile 95 --npy');
    expect(codeOf(guided).trimEnd().split('\n')).toEqual([
      "import { mapBy } from 'gradlens';",
      "import { createNodeEngine, readImage } from 'gradlens/node';",
      '',
      'const engine = await createNodeEngine();',
      "const model = await engine.load('imagenette-128-robust', { batch: 10 });",
      "const picture = await readImage('samples/imagenette/golf-ball.jpg');",
      "const map = await mapBy('saliency', model, picture, { class: 8, relu: 'guided', views: 10 });",
      'console.log(model.labelOf(map.class), map.score, map.data);',
      'engine.dispose();',
    ]);
  });

  test('of one’s own net has what its file leaves open', () => {
    const choice: Choice = { net: own, ...map, method: 'grad-cam', values: {} };
    expect(commandOf(choice)).toBe(
      "npx gradlens saliency samples/imagenette/golf-ball.jpg --model './it'\\''s mine.onnx' " +
        '--prep torchvision --size 64x96 ' +
        '--class 8 --method grad-cam --npy',
    );
    expect(codeOf(choice)).toContain(
      "engine.load(fileAddress('it\\'s mine.onnx'), { prep: 'torchvision', size: [64, 96] });",
    );
  });

  test('of a cut has its preset, and where the picture lies in a net that crops', () => {
    const cut: Choice = {
      net: { ...own, name: 'net.onnx' },
      what: 'cut',
      picture: 'a b.png',
      class: 1,
      method: 'saliency',
      values: {},
      preset: 'boxes',
      options: { foreground: 0.85, background: 0.3, smoothing: 3, components: 5, lambda: 60, hardSeeds: true },
      mapWidth: 227,
    };
    expect(commandOf(cut)).toContain("segment 'a b.png'");
    expect(commandOf(cut)).toMatch(/--preset boxes --lambda 60 --hard-seeds$/);
    expect(codeOf(cut)).toContain(
      "{ preset: 'boxes', lambda: 60, hardSeeds: true, placement: placementOf(picture, model.input) }",
    );
  });

  test('of a class model has its target, and one line for several classes', () => {
    const one: Choice = {
      net,
      what: 'class model',
      target: [4],
      preset: 'vivid',
      options: { iterations: 12, l2: 1e-3 },
    };
    expect(commandOf(one)).toContain(
      'class-model --model imagenette-128-robust --class 4 --preset vivid --iterations 12 --out',
    );
    expect(codeOf(one)).toContain("classModel(model, { class: 4, preset: 'vivid', iterations: 12 })");
    const neuron: Choice = { ...one, target: { tensor: 'conv3_1', channel: 7, y: 2, x: 3 } };
    expect(commandOf(neuron)).toContain('--neuron conv3_1:7:2:3');
    expect(codeOf({ ...one, target: [1, 2] })).toMatch(/\{ batch: 2 \}[^]*class: \[1, 2\]/);
  });

  test('words of a shell are quoted where they must be', () => {
    expect(['a/b.jpg', 'a b', "it's", '$(rm)'].map(quoted)).toEqual(['a/b.jpg', "'a b'", "'it'\\''s'", "'$(rm)'"]);
  });
});

test('a reel keeps evenly spaced frames within its memory, and always the last', () => {
  const reel = new Reel(4 * 100);
  const pictures = [{ data: new Uint8ClampedArray(40), width: 2, height: 5 }];
  for (let iteration = 1; iteration <= 64; iteration++) reel.add({ iteration, scores: [iteration], pictures });
  const kept = reel.frames.map(({ iteration }) => iteration);
  expect(kept.length).toBeLessThanOrEqual(11);
  expect(kept[0]).toBe(1);
  expect(kept.at(-1)).toBe(64);
  const gaps = kept.slice(1, -1).map((value, k) => value - kept[k]!);
  expect(new Set(gaps).size).toBe(1);
});
