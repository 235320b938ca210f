import { describe, expect, test } from 'vitest';
import { type Rgb, colourAt, colourMapNames, colourTable } from '../../src/image/colourMaps';

/** CIE L*, from 0 to 100. */
function lightness(colour: Rgb): number {
  const [r, g, b] = colour.map((byte) =>
    byte <= 10.31475 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4,
  );
  const Y = 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  return Y > 216 / 24389 ? 116 * Math.cbrt(Y) - 16 : (24389 / 27) * Y;
}

const steps = Array.from({ length: 201 }, (_, i) => i / 200);

describe.each(colourMapNames)('%s', (name) => {
  test('is made of colours, and stays at its ends beyond them', () => {
    const components = steps.flatMap((t) => [...colourAt(name, t)]);
    expect(components).toHaveLength(603);
    expect(components.filter((component) => !(component >= 0 && component <= 255))).toEqual([]);
    // from one end to the other, and not the same colour all along
    expect(Math.max(...components) - Math.min(...components)).toBeGreaterThan(150);
    expect(colourAt(name, -3)).toEqual(colourAt(name, 0));
    expect(colourAt(name, 3)).toEqual(colourAt(name, 1));
    expect(colourAt(name, 0)).not.toEqual(colourAt(name, 1));
  });

  test('has no jumps', () => {
    for (const t of steps.slice(1)) {
      const [now, before] = [colourAt(name, t), colourAt(name, t - 1 / 200)];
      expect(Math.max(...now.map((component, k) => Math.abs(component - before[k]!)))).toBeLessThan(7);
    }
  });
});

test.each(['viridis', 'cividis', 'gray'] as const)('%s gets lighter all the way', (name) => {
  const values = steps.map((t) => lightness(colourAt(name, t)));
  values.slice(1).forEach((value, i) => expect(value).toBeGreaterThan(values[i]! - 0.05));
  expect(values.at(-1)! - values[0]!).toBeGreaterThan(70);
});

test('coolwarm is neutral and lightest in the middle, blue below and red above', () => {
  const [r, g, b] = colourAt('coolwarm', 0.5);
  expect([r, g, b]).toEqual([221, 221, 221]);
  const values = steps.map((t) => lightness(colourAt('coolwarm', t)));
  expect(Math.max(...values)).toBeLessThan(lightness([221, 221, 221]) + 0.5);
  expect(colourAt('coolwarm', 0)[2]).toBeGreaterThan(colourAt('coolwarm', 0)[0]);
  expect(colourAt('coolwarm', 1)[0]).toBeGreaterThan(colourAt('coolwarm', 1)[2]);
});

test('known colours of the published maps are met', () => {
  expect(colourAt('viridis', 0)).toEqual([0x44, 0x01, 0x54]);
  expect(colourAt('viridis', 0.5)).toEqual([0x21, 0x90, 0x8c]);
  expect(colourAt('viridis', 1)).toEqual([0xfd, 0xe7, 0x25]);
  expect(colourAt('cividis', 0)).toEqual([0x00, 0x22, 0x4e]);
  expect(colourAt('gray', 0.5)).toEqual([127.5, 127.5, 127.5]);
});

test('a table runs from the first colour to the last', () => {
  const table = colourTable('viridis', 3);
  expect([...table]).toEqual([0x44, 0x01, 0x54, 0x21, 0x90, 0x8c, 0xfd, 0xe7, 0x25]);
});
