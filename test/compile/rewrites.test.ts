import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { foldAffine } from '../../src/compile/foldAffine';
import { foldPad } from '../../src/compile/foldPad';
import { fusePool } from '../../src/compile/fusePool';
import { fuseRelu } from '../../src/compile/fuseRelu';
import { mergeMoves, sinkMoves } from '../../src/compile/moves';
import { type Network, type Rewrite, networkOf } from '../../src/compile/network';
import { absorbReshapes, dropIdentities, nameRelus, prune, takeScore } from '../../src/compile/simplify';
import { renamesOnly } from '../../src/graph';
import { enterImage } from '../../src/compile/spaceToDepth';
import { windowPools } from '../../src/compile/windowPools';
import type { Extents, Graph, GraphNode, Window } from '../../src/graph';
import type { ConvNode } from '../../src/ops/conv';
import type { ImageNode } from '../../src/ops/image';
import { relativeL2 } from '../oracle/compare';
import { convForward } from '../oracle/conv';
import { runGraph } from '../oracle/network';
import { gather, get, tensor } from '../oracle/tensor';
import { Net, real } from '../ops/net';

const bindingBytes = 2 ** 27;
const net = (extents: Extents = { C: 4, H: 6, W: 6 }): Net => new Net(extents, 3, real);
const after = (graph: Graph, ...rewrites: readonly Rewrite[]): Network =>
  rewrites.reduce((network, rewrite) => rewrite(network), networkOf(graph));
/** Layers in short: `name(inputs)`, with a + if rectified. */
const printed = ({ layers, output }: Network): string =>
  `${layers.map(({ name, inputs, relu }) => `${name}(${inputs.join()})${relu ? '+' : ''}`).join(' ')} → ${output}`;
const conv = (n: Net, x: string, name: string, O = 4) =>
  n.add(
    { op: 'conv', inputs: [x], kernel: [1, 1], weight: n.parameter([O, n.extents(x).C, 1, 1]), bias: n.parameter([O]) },
    name,
  );
const relu = (n: Net, x: string, name: string) => n.add({ op: 'relu', inputs: [x] }, name);
const norm = (n: Net, x: string, name: string) => {
  const { C } = n.extents(x);
  return n.add(
    {
      op: 'batchNorm',
      inputs: [x],
      epsilon: 1e-3,
      scale: n.parameter([C]),
      bias: n.parameter([C]),
      mean: n.parameter([C]),
      variance: n.parameter([C], (random) => 0.5 + random.uniform()),
    },
    name,
  );
};
/** The same numbers, by the oracle: what a rewrite must keep. */
function expectSameFunction(n: Net, graph: Graph, { layers, output, weights }: Network): void {
  const image = n.image();
  const rewritten = { ...graph, nodes: layers as GraphNode[], output, weights };
  expect(
    relativeL2(runGraph(rewritten, image).get(output)!.data, runGraph(graph, image).get(graph.output)!.data),
  ).toBeLessThan(1e-6);
}

test('the score is what stands before a final soft-max, and identities after it do not hide that', () => {
  const n = net();
  const last = n.add(
    {
      op: 'identity',
      inputs: [
        n.add({ op: 'softmax', inputs: [n.add({ op: 'identity', inputs: [conv(n, 'image', 'scores')] }, 'id')] }, 'p'),
      ],
    },
    'out',
  );
  expect(takeScore(networkOf(n.graph(last))).output).toBe('scores');
});

test('a soft-max is no score where anything is computed of it; what only renames its numbers may follow', () => {
  const n = net({ C: 4, H: 1, W: 1 });
  const p = n.add({ op: 'softmax', inputs: [conv(n, 'image', 'scores')] }, 'p');
  const output = (last: string): string => takeScore(networkOf(n.graph(last))).output;
  for (const last of [
    n.add({ op: 'identity', inputs: [p] }, 'id'),
    n.add({ op: 'flatten', inputs: [p] }, 'flat'),
    n.add({ op: 'reshape', inputs: [p], extents: [4, 1, 1] }, 'again'),
  ]) {
    expect(output(last), last).toBe('scores');
  }
  for (const last of [relu(n, p, 'rectified'), conv(n, p, 'mixed'), n.add({ op: 'add', inputs: [p, p] }, 'twice')]) {
    expect(output(last), last).toBe(last);
  }
});

test('what the output does not need goes, and what it needs stays', () => {
  const n = net();
  const a = conv(n, 'image', 'a');
  relu(n, conv(n, a, 'aside'), 'far');
  expect(printed(after(n.graph(relu(n, a, 'b')), prune))).toBe('a(image) b(a) → b');
});

test('identities go, however many, also at the end', () => {
  const n = net();
  const id = (x: string, name: string) => n.add({ op: 'identity', inputs: [x] }, name);
  expect(printed(after(n.graph(id(conv(n, id(id('image', 'd1'), 'd2'), 'c'), 'd3')), dropIdentities))).toBe(
    'c(image) → c',
  );
});

test('a scale and a bias fold into one another, and into a convolution, unless they differ from pixel to pixel', () => {
  const n = net();
  const scale = (x: string, name: string, shape: readonly number[]) =>
    n.add({ op: 'affine', inputs: [x], scale: n.parameter(shape), bias: n.parameter([4]) }, name);
  const shift = (x: string, name: string) => n.add({ op: 'affine', inputs: [x], bias: n.parameter([4]) }, name);
  const graph = n.graph(
    shift(
      scale(shift(conv(n, relu(n, norm(n, scale('image', 's1', [4]), 'bn'), 'r'), 'c'), 's2'), 's3', [4, 6, 6]),
      's4',
    ),
  );
  const network = after(graph, foldAffine);
  expect(printed(network)).toBe('s1(image) r(s1) c(r) s3(c) s4(s3) → s4');
  expectSameFunction(n, graph, network);
});

test(
  'zeros round a plane fold into the convolution or the average pool that reads them, but not into a ' + 'max-pool',
  () => {
    const n = net();
    const pad = (x: string, name: string, value = 0) =>
      n.add({ op: 'pad', inputs: [x], mode: 'constant', value, before: [0, 1, 2], after: [0, 0, 1] }, name);
    const c = n.add(
      {
        op: 'conv',
        inputs: [pad('image', 'p1')],
        kernel: [3, 2],
        pads: [1, 0, 0, 0],
        weight: n.parameter([4, 4, 3, 2]),
      },
      'c',
    );
    const average = n.add({ op: 'averagePool', inputs: [pad(c, 'p2')], kernel: [3, 3], stride: [2, 2] }, 'average');
    const graph = n.graph(n.add({ op: 'maxPool', inputs: [pad(average, 'p3')], kernel: [2, 2] }, 'max'));
    const network = after(graph, foldPad);
    expect(printed(network)).toBe('c(image) average(c) p3(average) max(p3) → max');
    expectSameFunction(n, graph, network);
    const one = n.graph(
      n.add({ op: 'conv', inputs: [pad('image', 'p4', 1)], kernel: [1, 1], weight: n.parameter([1, 4, 1, 1]) }, 'c2'),
    );
    expect(after(one, prune, foldPad).layers.map(({ name }) => name)).toEqual(['p4', 'c2']);
  },
);

test('a max-pool of more taps than a switch can name becomes two, and a global one too', () => {
  const n = net({ C: 2, H: 20, W: 19 });
  const large = n.add(
    { op: 'maxPool', inputs: ['image'], kernel: [17, 16], stride: [2, 3], pads: [3, 0, 1, 5], ceil: true },
    'large',
  );
  const graph = n.graph(
    n.add(
      {
        op: 'add',
        inputs: [
          n.add({ op: 'globalMaxPool', inputs: ['image'] }, 'global'),
          n.add({ op: 'globalMaxPool', inputs: [large] }, 'small'),
        ],
      },
      'sum',
    ),
  );
  const network = after(graph, windowPools);
  expect(printed(network)).toBe(
    'large.rows(image) large(large.rows) global.rows(image) global(global.rows) small(large) sum(global,small) → sum',
  );
  expectSameFunction(n, graph, network);
});

test('of reshapings in a row the last stays, and what changes no extent goes', () => {
  const n = net();
  const a = n.add({ op: 'reshape', inputs: ['image'], extents: [2, 2, 36] }, 'a');
  const b = n.add({ op: 'reshape', inputs: [n.add({ op: 'flatten', inputs: [a] }, 'f')], extents: [4, 6, 6] }, 'b');
  const graph = n.graph(n.add({ op: 'reshape', inputs: [relu(n, b, 'r')], extents: [6, 4, 6] }, 'end'));
  expect(printed(after(graph, mergeMoves, absorbReshapes))).toBe('r(image) end(r) → end');
});

test('what is element by element goes before a turn, and turns in a row are one or none', () => {
  const n = net({ C: 4, H: 5, W: 6 });
  const turn = (x: string, name: string, shape: number[], extents: readonly [number, number, number]) =>
    n.add({ op: 'permute', inputs: [x], shape, order: [1, 0], extents }, name);
  // two layers of tokens as exporters write them: rows by a matrix, a number for each column, a curve
  const first = turn(conv(n, 'image', 'first', 8), 'rows', [8, 30], [30, 8, 1]);
  const biased = n.add(
    { op: 'affine', inputs: [first], scale: n.parameter([30, 8, 1], (r) => r.normal()), bias: n.parameter([30]) },
    'biased',
  );
  const last = conv(n, turn(n.add({ op: 'swish', inputs: [biased] }, 'curve'), 'columns', [30, 8], [8, 5, 6]), 'last');
  const graph = n.graph(relu(n, n.add({ op: 'transpose', inputs: [last], order: ['W', 'C', 'H'] }, 'out'), 'end'));
  const network = after(graph, sinkMoves, mergeMoves, absorbReshapes);
  expect(printed(network)).toBe(
    'first(image) biased before rows(first) curve before biased(biased before rows) last(curve before biased) ' +
      'end before out(last) end(end before out) → end',
  );
  expectSameFunction(n, graph, network);
});

test('a number for each row behind a turn is one for each channel before it', () => {
  const n = net();
  const rows = n.add({ op: 'transpose', inputs: [conv(n, 'image', 'c')], order: ['H', 'W', 'C'] }, 'rows');
  const value = n.parameter([6, 6, 4], (random) => random.normal());
  const { data } = n.graph('rows').weights.get(value)!;
  data.forEach((_, i) => {
    data[i] = data[i % 4]!;
  });
  const graph = n.graph(n.add({ op: 'affine', inputs: [rows], bias: value }, 'biased'));
  const network = after(graph, sinkMoves, foldAffine);
  expect(printed(network)).toBe('c(image) biased(c) → biased');
  expectSameFunction(n, graph, network);
});

test('moves are as they were, whatever stands in a row, and between them', () => {
  const sizes = [2, 2, 3, 4, 6];
  for (let seed = 0; seed < 40; seed++) {
    const n = new Net({ C: 4, H: 6, W: 12 }, seed, real);
    let x = n.add({ op: 'concat', inputs: ['image', 'image'] });
    for (let k = 0; k < 5; k++) {
      const { C, H, W } = n.extents(x);
      const kind = n.random.integer(0, 4);
      if (kind === 0)
        x = n.add({
          op: 'transpose',
          inputs: [x],
          order: n.random.pick([
            ['H', 'C', 'W'],
            ['W', 'H', 'C'],
            ['H', 'W', 'C'],
          ] as const),
        });
      if (kind === 1)
        x = n.add({
          op: 'reshape',
          inputs: [x],
          extents: n.random.pick([
            [H, W, C],
            [C * H, W, 1],
            [W, 1, H * C],
          ] as const),
        });
      if (kind === 2) x = n.add({ op: 'sigmoid', inputs: [x] });
      if (kind === 3) x = n.add({ op: 'affine', inputs: [x], bias: n.parameter([C, H, W]), scale: n.parameter([C]) });
      if (kind === 4) {
        const shape = [...sizes.slice(0, n.random.integer(1, 4))];
        const rest = (C * H * W) / shape.reduce((a, b) => a * b, 1);
        const order = [...shape, rest].map((_, axis) => axis).toSorted(() => n.random.uniform() - 0.5);
        x = n.add({ op: 'permute', inputs: [x], shape: [...shape, rest], order, extents: [W, C, H] });
      }
    }
    const graph = n.graph(n.add({ op: 'sigmoid', inputs: [x] }));
    const network = after(graph, sinkMoves, mergeMoves, absorbReshapes);
    const runs = printed(network).match(/permute|transpose|reshape/g)?.length ?? 0;
    expect(runs).toBeLessThanOrEqual(printed(networkOf(graph)).match(/permute|transpose|reshape/g)?.length ?? 0);
    expectSameFunction(n, graph, network);
  }
});

test('a clip from 0 up is a ReLU, one without limits is nothing, and all others stay', () => {
  const n = net();
  const limits = [{ min: 0 }, {}, { min: 0, max: 6 }, { max: 0 }, { min: -1 }];
  const last = limits.reduce((x, limit, k) => n.add({ op: 'clip', inputs: [x], ...limit }, `c${k}`), 'image');
  expect(nameRelus(networkOf(n.graph(last))).layers.map(({ op }) => op)).toEqual([
    'relu',
    'identity',
    'clip',
    'clip',
    'clip',
  ]);
});

test('the score stands before a soft-max also when it is reshaped after', () => {
  const n = net({ C: 3, H: 1, W: 1 });
  for (const op of ['softmax', 'logSoftmax'] as const) {
    const flat = n.add(
      {
        op: 'flatten',
        inputs: [
          n.add(
            { op, inputs: [n.add({ op: 'flatten', inputs: [conv(n, 'image', `scores-${op}`)] }, `f1-${op}`)] },
            `p-${op}`,
          ),
        ],
      },
      `f2-${op}`,
    );
    expect(takeScore(networkOf(n.graph(flat))).output).toBe(`f1-${op}`);
  }
  expect(takeScore(networkOf(n.graph('f1-softmax'))).output).toBe('f1-softmax');
});

test.each([
  ['identity', true],
  ['flatten', true],
  ['reshape', true],
  ['transpose', false],
  ['slice', false],
  ['relu', false],
  ['conv', false],
] as const)('whether the numbers of a layer’s input only get another name: %s, %s', (op, renames) => {
  expect(renamesOnly(op)).toBe(renames);
});

test('a global average becomes a window of the whole plane', () => {
  const n = net({ C: 2, H: 5, W: 7 });
  const graph = n.graph(n.add({ op: 'globalAveragePool', inputs: ['image'] }, 'gap'));
  const network = after(graph, windowPools);
  expect(network.layers).toMatchObject([{ op: 'averagePool', name: 'gap', kernel: [5, 7] }]);
  expectSameFunction(n, graph, network);
});

describe('a flatten', () => {
  test.each([
    ['goes if all its readers are fully connected', 6, ['fullyConnected', 'fullyConnected'], true],
    ['stays if one is not', 6, ['fullyConnected', 'relu'], false],
    ['goes if the plane is 1×1 anyway', 1, ['fullyConnected', 'relu'], true],
    ['stays at the end of a graph', 6, [], false],
  ])('%s', (_, side, readers, absorbed) => {
    const n = net({ C: 2, H: side, W: side });
    const flat = n.add({ op: 'flatten', inputs: ['image'] }, 'flat');
    const ends = readers.map((op) => (op === 'relu' ? n.fullyConnected(n.relu(flat), 3) : n.fullyConnected(flat, 3)));
    const output = ends.length === 0 ? flat : n.add({ op: 'add', inputs: ends });
    const { layers } = after(n.graph(output), absorbReshapes);
    expect(layers.some(({ name }) => name === 'flat')).toBe(!absorbed);
  });
});

describe('a batch-norm', () => {
  test('folds into the convolution that it alone reads', () => {
    const n = net();
    const graph = n.graph(norm(n, conv(n, 'image', 'c'), 'bn'));
    const network = after(graph, foldAffine);
    expect(printed(network)).toBe('c(image) → c');
    expectSameFunction(n, graph, network);
  });

  test('folds into a fully connected layer, and gives a bias to one without', () => {
    const n = net();
    const fc = n.add({ op: 'fullyConnected', inputs: ['image'], weight: n.parameter([3, 144]) }, 'fc');
    const graph = n.graph(norm(n, fc, 'bn'));
    const network = after(graph, foldAffine);
    expect(printed(network)).toBe('fc(image) → fc');
    expectSameFunction(n, graph, network);
  });

  test('stays if the convolution has another reader, or is the output, or is no convolution', () => {
    const n = net();
    const c = conv(n, 'image', 'c');
    const shared = n.graph(n.add({ op: 'add', inputs: [norm(n, c, 'bn'), c] }, 'sum'));
    expect(printed(after(shared, foldAffine))).toBe('c(image) bn(c) sum(bn,c) → sum');
    expect(printed(after({ ...shared, nodes: shared.nodes.slice(0, 2), output: 'c' }, foldAffine))).toBe(
      'c(image) bn(c) → c',
    );
    const m = net();
    expect(printed(after(m.graph(norm(m, relu(m, 'image', 'r'), 'bn')), foldAffine))).toBe('r(image) bn(r) → bn');
  });

  test('folds with all that follow it in a row', () => {
    const n = net();
    const graph = n.graph(norm(n, norm(n, conv(n, 'image', 'c'), 'bn1'), 'bn2'));
    const network = after(graph, foldAffine);
    expect(printed(network)).toBe('c(image) → c');
    expectSameFunction(n, graph, network);
  });

  test('leaves a weight that another convolution shares as it is', () => {
    const n = net();
    const c = conv(n, 'image', 'c');
    const { weight, bias } = n.graph(c).nodes[0] as ConvNode;
    const twin = n.add({ op: 'conv', inputs: ['image'], kernel: [1, 1], weight, bias: bias! }, 'twin');
    const graph = n.graph(n.add({ op: 'add', inputs: [norm(n, c, 'bn'), twin] }, 'sum'));
    expectSameFunction(n, graph, after(graph, foldAffine));
  });
});

describe('a ReLU', () => {
  test('becomes the epilogue of the layer that it alone reads', () => {
    const n = net();
    expect(printed(after(n.graph(relu(n, conv(n, 'image', 'c'), 'r')), fuseRelu))).toBe('c(image)+ → c');
  });

  test('stays if that layer has another reader, is the output, or does not rectify', () => {
    const n = net();
    const c = conv(n, 'image', 'c');
    const sum = n.graph(n.add({ op: 'add', inputs: [c, relu(n, c, 'r')] }, 'sum'));
    expect(printed(after(sum, fuseRelu))).toBe('c(image) r(c) sum(c,r) → sum');
    expect(printed(after({ ...sum, output: 'c' }, prune, fuseRelu))).toBe('c(image) → c');
    const m = net();
    expect(
      printed(after(m.graph(relu(m, m.add({ op: 'maxPool', inputs: ['image'], kernel: [2, 2] }, 'p'), 'r')), fuseRelu)),
    ).toBe('p(image) r(p) → r');
  });

  test('of two in a row one is left', () => {
    const n = net();
    expect(printed(after(n.graph(relu(n, relu(n, conv(n, 'image', 'c'), 'r'), 'r2')), fuseRelu))).toBe(
      'c(image)+ r2(c) → r2',
    );
  });
});

describe('space to depth', () => {
  const shapes: [Extents, Window][] = [
    [
      { C: 3, H: 11, W: 8 },
      { kernel: [3, 3], stride: [2, 2], pads: [1, 1, 1, 1] },
    ],
    [
      { C: 1, H: 9, W: 13 },
      { kernel: [7, 2], stride: [3, 4], pads: [3, 0, 1, 2] },
    ],
    [
      { C: 4, H: 5, W: 6 },
      { kernel: [1, 1], stride: [2, 3] },
    ],
    [
      { C: 2, H: 7, W: 7 },
      { kernel: [2, 5], stride: [1, 2], pads: [0, 2, 1, 0] },
    ],
    [
      { C: 3, H: 6, W: 4 },
      { kernel: [4, 4], stride: [5, 3], pads: [2, 2, 2, 2] },
    ],
  ];

  test.each(shapes)('%j %j: image and filter turned, the convolution is the same in float64', (extents, window) => {
    const n = net(extents);
    const y = n.conv('image', 5, window);
    const graph = n.graph(y);
    const [image, strided] = after(graph, enterImage).layers as unknown as readonly [ImageNode, ConvNode];
    const { weights } = after(graph, enterImage);
    const x = tensor(extents, n.image());
    const [sy, sx] = image.stride;
    const inside = (c: number, h: number, w: number): number =>
      h >= 0 && h < extents.H && w >= 0 && w < extents.W ? get(x, c, h, w) : 0;
    const cells = gather({ C: extents.C * sy * sx, H: image.cells[0], W: image.cells[1] }, (k, p, q) =>
      inside(
        Math.floor(k / (sy * sx)),
        p * sy + (Math.floor(k / sx) % sy) - image.pads[0],
        q * sx + (k % sx) - image.pads[1],
      ),
    );
    expect(strided).toMatchObject({ op: 'conv', inputs: [image.name] });
    expect([strided.stride, strided.pads]).toEqual([undefined, undefined]);
    const turned = convForward(
      { kernel: strided.kernel },
      cells,
      weights.get(strided.weight)!.data,
      weights.get(strided.bias!)!.data,
    );
    expect(turned.extents).toEqual(n.extents(y));
    expect(relativeL2(turned.data, runGraph(graph, x.data).get(y)!.data)).toBeLessThan(1e-13);
  });

  test.each<[string, Extents, (n: Net) => string, number]>([
    ['is left alone with stride 1', { C: 3, H: 6, W: 6 }, (n) => n.conv('image', 4, { kernel: [3, 3] }), 1],
    [
      'is left alone with many channels',
      { C: 5, H: 6, W: 6 },
      (n) => n.conv('image', 4, { kernel: [3, 3], stride: [2, 2] }),
      1,
    ],
    [
      'is left alone with dilation',
      { C: 3, H: 6, W: 6 },
      (n) => n.conv('image', 4, { kernel: [2, 2], stride: [2, 2], dilation: [2, 2] }),
      1,
    ],
    [
      'is left alone with groups',
      { C: 2, H: 6, W: 6 },
      (n) => n.conv('image', 4, { kernel: [2, 2], stride: [2, 2], groups: 2 }),
      1,
    ],
    [
      'is left alone if another layer reads the image',
      { C: 3, H: 6, W: 6 },
      (n) =>
        n.add({
          op: 'add',
          inputs: [
            n.conv('image', 4, { kernel: [2, 2], stride: [2, 2] }),
            n.add({ op: 'maxPool', inputs: [n.conv('image', 4, { kernel: [1, 1] })], kernel: [2, 2], stride: [2, 2] }),
          ],
        }),
      1,
    ],
    ['is done else', { C: 3, H: 6, W: 6 }, (n) => n.conv('image', 4, { kernel: [3, 3], stride: [2, 2] }), 2],
  ])('%s', (_, extents, build, stride) => {
    const n = net(extents);
    const [image] = after(n.graph(build(n)), enterImage).layers as unknown as readonly [ImageNode];
    expect(image).toMatchObject({ op: 'image', stride: [stride, stride], inputs: ['image'] });
  });
});

describe('a concatenation', () => {
  const steps = (build: (n: Net) => string): string[] => {
    const n = net({ C: 4, H: 4, W: 4 });
    return compile(n.graph(n.fullyConnected(build(n), 2)), { batch: 1, bindingBytes })
      .toString()
      .split('\n')
      .filter((line) => line.includes('concat'))
      .map((line) => line.split(' ')[0]!);
  };
  const concat = (n: Net, ...inputs: string[]) => n.add({ op: 'concat', inputs }, 'cat');

  test('costs nothing if its parts fill whole blocks and nobody else reads them', () => {
    expect(
      steps((n) => concat(n, conv(n, 'image', 'a', 4), conv(n, 'image', 'b', 8), conv(n, 'image', 'c', 3))),
    ).toEqual([]);
    expect(
      steps((n) => concat(n, relu(n, conv(n, 'image', 'a', 4), 'r'), relu(n, conv(n, 'image', 'b', 8), 's'))),
    ).toEqual([]);
  });

  test.each<[string, (n: Net) => string]>([
    ['a part ends within a block', (n) => concat(n, conv(n, 'image', 'a', 3), conv(n, 'image', 'b', 4))],
    [
      'a part is read elsewhere',
      (n) => {
        const a = conv(n, 'image', 'a', 4);
        return n.add({ op: 'concat', inputs: [concat(n, a, conv(n, 'image', 'b', 4)), conv(n, a, 'c', 4)] }, 'outer');
      },
    ],
    [
      'a part comes twice',
      (n) => {
        const a = conv(n, 'image', 'a', 4);
        return concat(n, a, a);
      },
    ],
    ['only one part is rectified', (n) => concat(n, relu(n, conv(n, 'image', 'a', 4), 'r'), conv(n, 'image', 'b', 4))],
    ['a part is the image', (n) => concat(n, 'image', conv(n, 'image', 'b', 4))],
  ])('is copied, both ways, if %s', (_, build) => {
    expect(steps(build).filter((step) => step.startsWith('cat'))).toEqual([
      'cat.concatForward',
      'cat.concatForward',
      'cat.concatBackward',
      'cat.concatBackward',
    ]);
  });
});

describe('is refused as a model:', () => {
  const n = net();
  const graph = n.graph(relu(n, conv(n, 'image', 'c'), 'r'));
  const [c, r] = graph.nodes as readonly [GraphNode, GraphNode];
  test.each([
    ['a tensor that nobody writes', [c, { ...r, inputs: ['x'] }], 'r', "r reads 'x', which no node before it writes"],
    ['a node before what it reads', [r, c], 'c', "r reads 'c', which no node before it writes"],
    [
      'an output that is a constant',
      [{ op: 'constant', name: 'k', inputs: [], value: 'k', extents: [1, 1, 1] } as const],
      'k',
      "the output 'k' does not depend on 'image'",
    ],
    ['a node without input', [{ ...c, inputs: [] }], 'c', 'c has no input'],
    ['one name twice', [c, { ...r, name: 'c' }], 'c', "two nodes write 'c'"],
    ['the name of the image', [{ ...c, name: 'image' }], 'image', "two nodes write 'image'"],
    ['an output that is not there', [c], 'r', "the output 'r' is not written by any node"],
    ['the image as output', [c], 'image', "the output 'image' is not written by any node"],
  ])('%s', (_, nodes, output, message) => {
    expect(() => compile({ ...graph, nodes, output }, { batch: 1, bindingBytes })).toThrow(
      expect.objectContaining({ code: 'model-format', message: expect.stringContaining(message) }),
    );
  });
});

test.each([
  [6, 8, true],
  [6, 9, false],
  [9, 6, false],
])('a 2×2 pool of a plane of %i×%i is written by its convolution: %s', (H, W, fused) => {
  const n = net({ C: 4, H, W });
  const pool = n.add({ op: 'maxPool', inputs: [conv(n, 'image', 'c')], kernel: [2, 2], stride: [2, 2] }, 'pool');
  expect(printed(after(n.graph(pool), fusePool))).toBe(fused ? 'c(image) → c' : 'c(image) pool(c) → pool');
});

test('a window with a side that no switch can name is refused whole, not by a half of it', () => {
  for (const [R, S] of [
    [256, 2],
    [2, 256],
  ] as const) {
    const n = net({ C: 1, H: R, W: S });
    const graph = n.graph(n.add({ op: 'maxPool', inputs: ['image'], kernel: [R, S] }, 'pool'));
    expect(() => after(graph, windowPools)).toThrow(`pool: a max-pool window of ${R}×${S} is too large`);
  }
});
