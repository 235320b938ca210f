/** A record that is missing in the registry, in the schema or in README fails here; `npm run generate` mends it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { exported, generated } from './generated';

test.each([...generated()])('%s says what the records say; npm run generate writes it anew', (path, text) => {
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test('a record is exported under the name of its operator', () => {
  expect(exported.filter(([name, { op }]) => name !== op)).toEqual([]);
});
