/** Functions that the file defines itself (`ModelProto.functions`): each call of one is replaced by its nodes. */
import { clone } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  NodeProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from 'onnx-buf';
import { formatError, quote } from '../checks';
import { operatorName } from './call';

/** Functions call functions; a few bytes must not become millions of nodes. */
const MOST = { depth: 32, nodes: 50_000 };

/**
 * The nodes of a graph, without calls of the file's own functions. Tensors inside of a call bear its result's name
 * before their own.
 * @throws GradlensError `model-format` for functions that call themselves, of another opset, or beyond a limit
 */
export function inlined({ functions, opsetImport }: ModelProto, graph: GraphProto): NodeProto[] {
  if (functions.length === 0) return graph.node;
  const byName = new Map(functions.map((one) => [nameOf(one.domain, one.name), one]));
  const opset = versionOf(opsetImport);
  const nodes: NodeProto[] = [];
  const add = (node: NodeProto, depth: number): void => {
    const called = byName.get(nameOf(node.domain, node.opType));
    if (!called) {
      if (nodes.push(node) > MOST.nodes)
        throw formatError(`onnx: becomes more than ${MOST.nodes} nodes once its functions are written out`);
      return;
    }
    if (depth > MOST.depth) throw formatError(`onnx: the function ${quote(called.name)} calls itself`);
    const own = versionOf(called.opsetImport);
    if (own !== undefined && opset !== undefined && own !== opset)
      throw formatError(
        `onnx: the function ${quote(called.name)} is of opset ${own}, the model of ${opset}; export both as one opset`,
      );
    for (const inner of bodyOf(called, node)) add(inner, depth + 1);
  };
  for (const node of graph.node) add(node, 0);
  return nodes;
}

const nameOf = (domain: string, name: string): string => `${domain === 'ai.onnx' ? '' : domain}:${name}`;

const versionOf = (imports: ModelProto['opsetImport']): number | undefined => {
  const own = imports.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  return own && Number(own.version);
};

/** The nodes of a function, as this call of it has them. */
function bodyOf(called: FunctionProto, call: NodeProto): NodeProto[] {
  const prefix = call.output.find(Boolean) ?? call.name;
  const names = new Map<string, string>([['', '']]);
  called.input.forEach((name, i) => names.set(name, call.input[i] ?? ''));
  called.output.forEach((name, i) => {
    const given = call.output[i];
    if (given) names.set(name, given);
  });
  const rename = (name: string): string => names.get(name) ?? `${prefix}/${name}`;
  const passed = called.output.filter((name) => called.input.includes(name));
  if (passed.length > 0)
    throw formatError(
      `onnx: ${operatorName(call)} ${quote(prefix)}: its function passes ${quote(passed[0])} on as it is`,
    );
  const given = new Map([...called.attributeProto, ...call.attribute].map((one) => [one.name, one]));
  return called.node.map((node) => renamed(node, rename, (attribute) => boundTo(attribute, given)));
}

/** An attribute of a function's node that stands for one of the call's; undefined where the call leaves that out. */
function boundTo(attribute: AttributeProto, given: ReadonlyMap<string, AttributeProto>): AttributeProto | undefined {
  if (attribute.refAttrName === '') return attribute;
  const value = given.get(attribute.refAttrName);
  if (!value) return undefined;
  const bound = clone(AttributeProtoSchema, value);
  bound.name = attribute.name;
  return bound;
}

/** A node under other names, its subgraphs too. */
export function renamed(
  node: NodeProto,
  rename: (name: string) => string,
  bind: (attribute: AttributeProto) => AttributeProto | undefined,
): NodeProto {
  const copy = clone(NodeProtoSchema, { ...node, attribute: [] });
  copy.input = node.input.map(rename);
  copy.output = node.output.map(rename);
  copy.attribute = node.attribute.flatMap((attribute) => {
    const bound = bind(attribute);
    if (!bound?.g) return bound ?? [];
    const subgraph = clone(AttributeProtoSchema, bound);
    const { g } = subgraph;
    if (!g) return subgraph;
    g.node = g.node.map((inner) => renamed(inner, rename, bind));
    for (const named of [...g.initializer, ...g.input, ...g.output]) named.name = rename(named.name);
    return subgraph;
  });
  return copy;
}
