import { expect, test } from 'vitest';
import { digestOf, fits } from '../../src/demo/answers';

const PLACE = 'https://host/some/where/';

test.each([
  ['', 'text/html; charset=utf-8', true],
  ['bench/index.html', 'text/html', true],
  ['', 'text/plain', false],
  ['assets/page.js', 'text/javascript', true],
  ['assets/page.js', 'application/javascript; charset=utf-8', true],
  ['assets/page.js', 'text/html', false],
  ['assets/page.js', 'text/plain', false],
  ['assets/page.css', 'text/css', true],
  ['assets/page.css', 'text/html', false],
  ['assets/church.jpg', 'image/jpeg', true],
  ['assets/church.jpg', 'text/html', false],
  ['assets/church.webp', 'application/octet-stream', true],
  ['assets/ort.wasm', 'application/wasm', true],
  ['assets/ort.wasm', 'text/html', false],
  ['weights/model.json', 'application/json', true],
  ['weights/model.json', 'text/html', false],
  ['weights/model.json', 'application/xhtml+xml', false],
  ['weights/net.safetensors', 'application/octet-stream', true],
  ['weights/net.safetensors', 'text/html', false],
])('%s as %s: %s', (path, type, expected) => {
  expect(fits(PLACE + path, new Response('', { headers: { 'content-type': type } }))).toBe(expected);
});

test('an answer without a type may be weights, but neither a page nor a script; an error is nothing', () => {
  const untyped = new Response(new Uint8Array(3));
  expect(fits(`${PLACE}net.safetensors`, untyped)).toBe(true);
  expect(fits(PLACE, untyped)).toBe(false);
  expect(fits(`${PLACE}page.js`, untyped)).toBe(false);
  const failed = new Response('', { status: 404, headers: { 'content-type': 'text/javascript' } });
  expect(fits(`${PLACE}page.js`, failed)).toBe(false);
});

test('digests are the build’s', async () => {
  const empty = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; // of no bytes, by the standard
  expect(await digestOf(new ArrayBuffer(0))).toBe(empty);
});
