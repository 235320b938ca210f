import { expect, test } from 'vitest';
import { recogniseFormat } from '../../src/formats/recognise';
import { writeNpy } from '../../src/formats/npy';
import { writeSafetensors } from '../../src/formats/safetensors';
import { node, onnxFile } from './models';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

/** `{"a":{…}}` padded to 123 bytes, whose length is the character {. */
const treacherous = (() => {
  const bytes = new Uint8Array(8 + 123).fill(0x20);
  bytes.set([123, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]);
  return bytes;
})();

test.each([
  ['an ONNX file', onnxFile({ nodes: [node('Relu', ['x'], 'y')] }), 'onnx'],
  ['an ONNX file whose graph is cut off', onnxFile({ nodes: [node('Relu', ['x'], 'y')] }).subarray(0, 20), 'onnx'],
  ['a manifest', text('{ "format": "gradlens/1" }'), 'manifest'],
  ['a manifest after white space', text('\uFEFF \r\n\t{}'), 'manifest'],
  [
    'a safetensors file',
    writeSafetensors(new Map([['w', { shape: [1], data: Float32Array.of(1) }]]), 'F32'),
    'safetensors',
  ],
  ['a safetensors file whose first byte is {', treacherous, 'safetensors'],
  ['no bytes', new Uint8Array(), 'unknown'],
  ['an npy file', writeNpy([1], Float32Array.of(1)), 'unknown'],
  ['a PNG', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), 'unknown'],
  ['HTML', text('<!doctype html>'), 'html'],
  ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\noid'), 'lfs-pointer'],
  ['an endless varint', new Uint8Array(1000).fill(0xff), 'unknown'],
  ['zeros', new Uint8Array(1000), 'unknown'],
])('%s is %3$s', (_, bytes, format) => {
  expect(recogniseFormat(bytes)).toBe(format);
});
