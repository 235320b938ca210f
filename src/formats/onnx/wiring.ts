import type { GraphProto, NodeProto } from 'onnx-buf';
import { formatError, quote } from '../checks';
import { readsOf } from './branches';

/**
 * Checks that every tensor is written once, and before it is read, which excludes cycles.
 * @throws GradlensError `model-format` naming the node and the tensor.
 */
export function checkWiring(graph: GraphProto, inputs: readonly string[], output: string): void {
  const written = new Set(inputs);
  const write = (name: string): void => {
    if (written.has(name))
      throw formatError(`onnx: the tensor ${quote(name)} is written twice; names are unique`, { tensor: name });
    written.add(name);
  };
  graph.initializer.forEach(({ name }) => write(name));
  const everWritten = new Set(graph.node.flatMap((node) => node.output));
  for (const node of graph.node) {
    const missing = readsOf(node).find((name) => name !== '' && !written.has(name));
    if (missing !== undefined) {
      const fault = everWritten.has(missing)
        ? 'only this node or a later one writes: nodes must be in order, without cycles'
        : 'nothing writes';
      throw formatError(`onnx: ${describe(node)} reads ${quote(missing)}, which ${fault}`, { tensor: missing });
    }
    node.output.filter(Boolean).forEach(write);
  }
  if (!written.has(output))
    throw formatError(`onnx: the output ${quote(output)} is written by no node`, {
      tensor: output,
      option: 'output',
    });
}

const describe = ({ opType, name, output }: NodeProto): string => `${opType} ${quote(name || output[0])}`;

/** Those of the items, which come in topological order, that a tensor depends on. */
export function upstream<T>(
  items: readonly T[],
  tensor: string,
  ends: (item: T) => { readonly writes: readonly string[]; readonly reads: readonly string[] },
): T[] {
  const needed = new Set([tensor]);
  const found: T[] = [];
  for (const item of [...items].reverse()) {
    const { writes, reads } = ends(item);
    if (!writes.some((name) => name !== '' && needed.has(name))) continue;
    for (const name of reads) needed.add(name);
    found.push(item);
  }
  return found.reverse();
}
