/**
 * Fuzzing of what people type and choose: manifests and JSON as bytes, labels, argument lists, tars, and the page's
 * address. As in fuzz.test.ts, FUZZ_RUNS makes it longer and FUZZ_SEED another.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArgsDef } from 'citty';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { normalise } from '../../src/cli/args';
import { UsageError } from '../../src/cli/failure';
import { classOf, modelOption, prepOption } from '../../src/cli/models';
import { fillPattern } from '../../src/cli/output';
import { tarEntries, readEntry } from '../../src/cli/tar';
import { formatAddress, readAddress } from '../../src/demo/address';
import { GradlensError } from '../../src/errors';
import { readLabels } from '../../src/formats/labels';
import { readManifest } from '../../src/formats/native';
import { recogniseFile, recogniseFormat } from '../../src/formats/recognise';
import { readStrictJson } from '../../src/formats/strictJson';
import { guarded, startWatch } from './guard';

const seed = Number(process.env['FUZZ_SEED'] ?? 1);
const TARGETS = 8;
const numRuns = Math.ceil(Number(process.env['FUZZ_RUNS'] ?? 1500) / TARGETS);
vi.setConfig({ testTimeout: 60_000 + numRuns * 100 });

let endWatch: () => Promise<number>;
beforeAll(() => {
  endWatch = startWatch();
});
afterAll(() => endWatch());

/** The run comes back, or throws one of the errors on purpose, within time and memory. */
const holdsFor = <T>(arbitrary: fc.Arbitrary<T>, run: (value: T) => unknown): Promise<void> =>
  fc.assert(
    fc.asyncProperty(arbitrary, (value) =>
      guarded(new TextEncoder().encode(String(value)), async () => {
        try {
          await run(value);
        } catch (error) {
          if (!(error instanceof GradlensError || error instanceof UsageError)) throw error;
        }
      }),
    ),
    { seed, numRuns },
  );

/** Of any characters, controls and halves of pairs included. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', ':', ',', '\n', 'u', '0', 'a', '\uFEFF', ' ') }),
);
const encoded = fc.oneof(
  text.map((content) => new TextEncoder().encode(content)),
  fc.uint8Array({ maxLength: 100 }),
  fc.jsonValue().map((value) => new TextEncoder().encode(JSON.stringify(value))),
);

test('a manifest of any bytes', () => holdsFor(encoded, readManifest));

test('strict JSON is JSON, or refused', () =>
  holdsFor(encoded, (bytes) => {
    const read = readStrictJson(bytes, 'x', { bytes: 1000, depth: 8, values: 200 });
    expect(read).toEqual(JSON.parse(new TextDecoder().decode(bytes)));
  }));

test('labels: as many as lines, none with a line end', () =>
  holdsFor(text, (content) => {
    for (const label of readLabels(content, 'x')) expect(typeof label).toBe('string');
  }));

test('a file is the same by its bytes and by its places', () =>
  holdsFor(encoded, async (bytes) => {
    expect(await recogniseFile(new Blob([new Uint8Array(bytes)]))).toBe(recogniseFormat(bytes));
  }));

const definitions: ArgsDef = {
  image: { type: 'positional', required: true },
  ...modelOption,
  ...prepOption,
  overlay: { type: 'string' },
  relu: { type: 'enum', options: ['gradient', 'guided'] },
  json: { type: 'boolean' },
};

test('argument lists are taken apart, or refused', () => {
  const word = fc.oneof(
    text,
    fc.constantFrom('--', '-', '--model', '--model=', '--json', '--json=1', '--overlay', '0.3', '--relu=guided', '-x'),
    fc.constantFrom('--constructor', '--__proto__=1', '--model=--json', 'a.png', '--relu', 'nope', '--no-json'),
  );
  return holdsFor(fc.array(word, { maxLength: 8 }), (raw) => {
    const normal = normalise(raw, definitions);
    const end = normal.indexOf('--');
    for (const option of normal.slice(0, end)) expect(option).toMatch(/^--(model|labels|prep|overlay|relu|json)(=|$)/);
    expect(normal.slice(end + 1).length).toBeGreaterThan(0);
  });
});

test('a class by any name, and the file that is called after it', () =>
  holdsFor(fc.tuple(text, fc.array(text, { maxLength: 5 })), ([name, labels]) => {
    const file = fillPattern('out/{class}.png', { stem: 'a', class: name, method: 'm' });
    expect(file).toMatch(/^out\/[\p{L}\p{N}-]*\.png$/u);
    const found = classOf(name, labels);
    if (found !== 'top1' && labels.length > 0) expect(labels.length).toBeGreaterThan(found);
  }));

test('a tar of any bytes', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'gradlens-tar-')), 'a.tar');
  const number = fc.constantFrom('00000000000', '00000000012', '77777777777', 'x', '-1');
  const header = fc.tuple(text, number, fc.constantFrom('ustar', 'gnu')).map(([name, size, magic]) => {
    const block = Buffer.alloc(512);
    block.write(name, 0, 99);
    block.write(size, 124, 11);
    block.write(magic, 257);
    return block;
  });
  return holdsFor(fc.array(fc.oneof(header, fc.uint8Array({ maxLength: 600 })), { maxLength: 4 }), (blocks) => {
    writeFileSync(path, Buffer.concat(blocks));
    for (const entry of tarEntries(path)) expect(readEntry(path, entry)).toHaveLength(entry.bytes);
  });
});

test('the address of the page, read and written again, says the same', () => {
  const name = fc.constantFrom(
    'tab',
    'network',
    'prep',
    'sample',
    'class',
    'run',
    'relu',
    '__proto__',
    'constructor',
    '',
  );
  const hash = fc.oneof(
    text.map((content) => `#${content}`),
    fc
      .array(fc.tuple(name, fc.oneof(text, fc.constantFrom('segmentation', 'yes', '%', '%zz', '__proto__'))))
      .map((all) => `#${all.map(([key, value]) => `${key}=${value}`).join('&')}`),
  );
  return holdsFor(hash, (written) => {
    const once = readAddress(written);
    const twice = readAddress(formatAddress(once));
    expect({ ...twice, fields: undefined }).toEqual({ ...once, fields: undefined });
  });
});
