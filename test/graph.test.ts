import { describe, expect, test } from 'vitest';
import { type Graph, type GraphNode, graphAfter } from '../src/graph';

/** Sums and constants; what a node reads stands behind its name. */
const graphOf = (nodes: readonly string[]): Graph => ({
  name: 'test',
  input: { name: 'image', extents: { C: 1, H: 1, W: 1 } },
  nodes: nodes.map((text) => {
    const [name, ...inputs] = text.split(' ') as [string, ...string[]];
    return { op: inputs.length === 0 ? 'constant' : 'add', name, inputs } as GraphNode;
  }),
  output: nodes.at(-1)!.split(' ')[0]!,
  weights: new Map(),
});

describe('what follows a tensor', () => {
  const after = (nodes: readonly string[], tensor: string): string[] =>
    graphAfter(graphOf(nodes), tensor, { C: 1, H: 1, W: 1 }).nodes.map(({ name }) => name);

  test('is what reads it, directly or not, without the tensor itself', () => {
    expect(after(['a image', 'b a a', 'c b'], 'a')).toEqual(['b', 'c']);
    expect(after(['a image', 'b a a', 'c b'], 'b')).toEqual(['c']);
  });

  test('may read constants, and what is made of them alone', () => {
    expect(after(['k', 'l k', 'a image k', 'b a l', 'c b k'], 'a')).toEqual(['k', 'l', 'b', 'c']);
  });

  test('must not read what comes before it', () => {
    expect(() => after(['a image', 'b a', 'c b a'], 'b')).toThrow("c goes around 'b'");
    expect(() => after(['k', 'a image k', 'b a', 'c b a'], 'b')).toThrow("c goes around 'b'");
    expect(() => after(['a image', 'b image', 'c b'], 'a')).toThrow("the scores 'c' do not come after 'a'");
  });
});
