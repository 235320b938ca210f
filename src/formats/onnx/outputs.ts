/** Which of a graph's outputs are the class scores. */
import { TensorProto_DataType as DataType, type GraphProto, type NodeProto, type ValueInfoProto } from 'onnx-buf';
import { formatError, quote } from '../checks';
import { operatorName } from './call';

export interface ChosenOutput {
  readonly name: string;
  /** Sentences for people. */
  readonly notes: readonly string[];
}

/**
 * The output that the caller names (any tensor may be), or of several the one that looks most like class scores; the
 * first of those that look alike.
 * @throws GradlensError `model-format` where the graph has none, or the caller names a tensor that is not there
 */
export function chooseOutput(graph: GraphProto, named: string | undefined): ChosenOutput {
  const outputs = graph.output.filter(({ name }) => name !== '');
  const [first, ...others] = outputs;
  if (!first) throw formatError('onnx: the graph has no output');
  if (named !== undefined) {
    if (!graph.node.some(({ output }) => output.includes(named)))
      throw formatError(
        `onnx: the option output names ${quote(named)}, which no node writes; the outputs are ` +
          quote(outputs.map(({ name }) => name)),
        { option: 'output' },
      );
    return { name: named, notes: [] };
  }
  const writers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  if (others.length === 0) return behindChoice(first.name, writers);
  const ranked = outputs.map((output) => ({ name: output.name, likeness: likenessOf(output, writers) }));
  const best = ranked.reduce((best, other) => (other.likeness > best.likeness ? other : best));
  if (best.likeness === -Infinity) return behindChoice(best.name, writers);
  const rest = outputs.filter(({ name }) => name !== best.name).map(({ name }) => quote(name));
  return {
    name: best.name,
    notes: [
      `the file has ${outputs.length} outputs; its scores are taken to be ${quote(best.name)}, ` +
        `not ${rest.slice(0, 8).join(', ')}${rest.length > 8 ? ', …' : ''} (output: NAME)`,
    ],
  };
}

/** What choose or count, and so are no scores. */
const CHOOSING = new Set([
  'ArgMax',
  'ArgMin',
  'Hardmax',
  'TopK',
  'NonMaxSuppression',
  'NonZero',
  'Shape',
  'Greater',
  'Less',
  'Equal',
]);
/** Of those, what chooses from scores. */
const CHOOSING_SCORES = new Set(['ArgMax', 'TopK', 'Hardmax']);
const PASSING = new Set(['Identity', 'Cast', 'Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Dropout']);
const PROBABILITIES = new Set(['Softmax', 'LogSoftmax', 'Sigmoid']);
const FLOATS: readonly number[] = [DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];

/** Of an output that only names the best classes, what they are chosen from. */
function behindChoice(name: string, writers: ReadonlyMap<string, NodeProto>): ChosenOutput {
  const writer = writerOf(name, writers);
  const [scores = ''] = writer?.input ?? [];
  if (!writer || !CHOOSING_SCORES.has(operatorName(writer)) || !writers.has(scores)) return { name, notes: [] };
  return {
    name: scores,
    notes: [
      `the output ${quote(name)} is a choice (${operatorName(writer)}); the scores are taken to be what it chooses ` +
        `from, ${quote(scores)} (output: NAME)`,
    ],
  };
}

/** What writes a tensor, past all that only renames or reshapes it. */
function writerOf(name: string, writers: ReadonlyMap<string, NodeProto>): NodeProto | undefined {
  let writer = writers.get(name);
  for (let steps = 0; writer && PASSING.has(operatorName(writer)) && steps < 32; steps++)
    writer = writers.get(writer.input[0] ?? '');
  return writer;
}

/** How much an output looks like class scores: floats, a number for each class, of a soft-max or a last layer. */
function likenessOf({ name, type }: ValueInfoProto, writers: ReadonlyMap<string, NodeProto>): number {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  if (tensor && !FLOATS.includes(tensor.elemType) && tensor.elemType !== 0) return -Infinity;
  const writer = writerOf(name, writers);
  const op = writer ? operatorName(writer) : '';
  if (CHOOSING.has(op)) return -Infinity;
  const shape = tensor?.shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : undefined));
  const many = shape?.slice(1).filter((extent) => extent !== 1) ?? [];
  const isList = shape !== undefined && many.length <= 1;
  return (
    (shape === undefined ? 2 : isList ? 4 : 0) +
    (isList && many.length === 1 ? 1 : 0) +
    (PROBABILITIES.has(op) ? 2 : op === 'Gemm' || op === 'MatMul' ? 1 : 0) +
    (/logit|score|prob|class|softmax|cls|label/i.test(name) ? 1 : 0) -
    (/feat|embed|box|mask|anchor|landmark|hidden/i.test(name) ? 1 : 0)
  );
}
