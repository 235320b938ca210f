/** Names of classes, in every form that people have them in. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { expect, test } from 'vitest';
import { labelsInText, readLabels } from '../../src/formats/labels';
import { readOnnx } from '../../src/formats/onnx';
import { node, onnxFile } from './models';

const NAMES = ['tench', 'English springer', 'church, old'];
const json = (value: unknown): string => JSON.stringify(value);
const synset = (k: number): string => `n0000000${k}`;
const entries = <T>(of: (name: string, k: number) => T): Record<string, T> =>
  Object.fromEntries(NAMES.map((name, k) => [String(k), of(name, k)]));

test.each([
  ['lines', NAMES.join('\n')],
  ['lines of Windows, with a mark of byte order', `\uFEFF${NAMES.join('\r\n')}\r\n`],
  ['synset lines', NAMES.map((name, k) => `${synset(k)} ${name}`).join('\n')],
  ['a JSON list', json(NAMES)],
  ['a list of pairs', json(NAMES.map((name, k) => [synset(k), name]))],
  ['number → name', json(entries((name) => name))],
  ['number → name, in another order', json(Object.fromEntries(NAMES.map((name, k) => [`${k}`, name]).toReversed()))],
  ['Keras’ class index', json(entries((name, k) => [synset(k), name]))],
  ['name → number', json(Object.fromEntries(NAMES.map((name, k) => [name, k])))],
  ['id2label of a config', json({ model_type: 'resnet', id2label: entries((name) => name), hidden: { a: [1] } })],
  ['label2id of a config', `\uFEFF${json({ label2id: Object.fromEntries(NAMES.map((name, k) => [name, k])) })}`],
])('%s', (_, text) => {
  expect(readLabels(text, 'labels')).toEqual(NAMES);
});

test.each(['[1, 2]', '{"0": "a", "2": "b"}', '{"a": 0, "b": 0}', '{}', '{"a": "b"}'])(
  '%s is no list of names',
  (text) => {
    expect(() => readLabels(text, 'labels.json')).toThrow(/labels\.json: is no list of names: .* would be right/);
  },
);

test('a name may look like anything, and stays', () => {
  expect(readLabels('n01440764\nn02102040', 'synsets')).toEqual(['n01440764', 'n02102040']);
  expect(readLabels(json(['n00000000 a', 'b']), 'mixed')).toEqual(['n00000000 a', 'b']);
});

test.each([
  [`{0: 'a', 1: "driver's licence", 2: '身份证, back'}`, ['a', "driver's licence", '身份证, back']],
  [`['a', "b", 'it\\'s',]`, ['a', 'b', "it's"]],
  ['["a", "b"]', ['a', 'b']],
  ['a,b , c', ['a', 'b', 'c']],
  ['{0: a}', undefined],
  ['', undefined],
  ['one', undefined],
])('metadata %s', (text, names) => {
  expect(labelsInText(text)).toEqual(names);
});

test('a file that names its classes has them', () => {
  const model = fromBinary(ModelProtoSchema, onnxFile({ nodes: [node('Relu', ['x'], 'y')] }));
  model.metadataProps = create(ModelProtoSchema, {
    metadataProps: [{ key: 'names', value: "{0: 'a', 1: 'b'}" }],
  }).metadataProps;
  expect(readOnnx(toBinary(ModelProtoSchema, model)).labels).toEqual(['a', 'b']);
});
