import { basename } from 'node:path';
import { type Plan, compile } from '../compile';
import { forwardFlops } from '../compile/flops';
import { type Stage, describeOperators, stagesOf } from '../compile/stages';
import { describeSpec } from '../formats/preparation';
import { recogniseFormat } from '../formats/recognise';
import {
  DEFAULT_MODEL,
  type Extents,
  GradlensError,
  type Head,
  type InputSpec,
  type ModelFile,
  type PreparationGuess,
  presetSpec,
} from '../index';
import { common, command, numberOption } from './args';
import { EXIT, UsageError } from './failure';
import { settingsOf } from '../model/settings';
import { modelOption, readModel, sourceOf } from './models';

/** WebGPU's default for `maxStorageBufferBindingSize`, which every device has. */
const DEFAULT_BINDING_BYTES = 2 ** 27;

/** Of one tensor, as the file or the graph states it. */
interface End {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[] | null;
}

export const inspect = command({
  name: 'inspect',
  description:
    'what a model holds and costs, and what of it is not supported, all at once; needs no GPU. ' +
    'Exit code 1 if it cannot be loaded',
  examples: [['net.onnx', 'what it holds and costs, and what is not supported']],
  args: {
    model: { type: 'positional', required: true, description: modelOption.model.description },
    labels: modelOption.labels,
    size: modelOption.size,
    output: modelOption.output,
    fixed: modelOption.fixed,
    head: modelOption.head,
    batch: { type: 'string', valueHint: 'N', default: '1', description: 'pictures per run, for the bytes on the GPU' },
    kernels: {
      type: 'boolean',
      description:
        'also print the WGSL that computes scores and gradient, each kernel once, as a device without features runs it',
    },
    json: common.json,
  },
  async run(args, session) {
    if (args._.length > 1) throw new UsageError(`'${args._[1]}' is one argument too many`);
    const batch = numberOption('batch', args.batch, 1, 1024, true);
    const name = args.model || DEFAULT_MODEL;
    const { address, expected, place } = sourceOf(name);
    const bytes = await session.files.fetch(address, {
      signal: session.signal,
      onProgress: session.onProgress,
      ...(expected && { expected }),
    });
    const summary =
      recogniseFormat(bytes) === 'onnx' ? (await import('../formats/onnx')).openOnnx(bytes).summary : undefined;

    const quiet = { ...session, note: () => {} }; // notes stand in the report
    let model: ModelFile | undefined;
    let costs: ReturnType<typeof costsOf> | undefined;
    let problem: GradlensError | undefined;
    try {
      model = await readModel({ ...args, model: name }, quiet);
      costs = costsOf(model, batch);
    } catch (error) {
      if (!(error instanceof GradlensError) || (!summary && !model)) throw error; // not even known what it is
      problem = error;
    }
    const held = summary ?? (model && heldBy(model, costs?.classes));
    const report = {
      model: place,
      format: summary ? 'onnx' : 'gradlens/1',
      name: model?.graph.name ?? null,
      producer: summary?.producer ?? null,
      opset: summary?.opset ?? null,
      inputs: held!.inputs,
      outputs: held!.outputs,
      operators: held!.operators,
      parameters: held!.parameters,
      classes: costs?.classes ?? null,
      labels: model?.labels.length ?? null,
      takes: model ? ['N', ...Object.values(model.graph.input.extents)] : null,
      head: costs?.head ?? null,
      stages: model && costs ? stagesOf(model.graph) : [],
      notes: model?.notes ?? [],
      batch,
      flops: costs?.flops ?? null,
      memory: costs?.memory ?? null,
      dispatches: costs?.dispatches ?? null,
      preparation: model
        ? model.input
          ? { by: 'file', input: model.input }
          : model.guess
            ? { by: 'guess', ...model.guess, ...inputOf(model.guess, model.graph.input.extents) }
            : null
        : null,
      ...(args.kernels && { kernels: costs?.kernels ?? [] }),
      problem: problem
        ? { code: problem.code, message: problem.message.split('\n')[0]!, unsupported: unsupportedNodes(problem) }
        : null,
    };
    session.print(args.json, report, print(report));
    return problem ? EXIT.failed : EXIT.ok;
  },
});

/** @throws GradlensError `shape`, `limit`, `unsupported-op` where the graph does not compile */
function costsOf(file: ModelFile, batch: number) {
  const { graph } = file;
  const plan = compile(graph, { batch, bindingBytes: DEFAULT_BINDING_BYTES });
  const { head } = settingsOf(file, {}, plan.scores);
  const { memory, scores, forward, backward } = plan;
  const flops = forwardFlops(graph) * batch;
  return {
    classes: scores.C,
    head,
    memory,
    dispatches: { forward: forward.length, backward: backward.length },
    flops: { forward: flops, backward: flops },
    kernels: kernelsOf(plan),
  };
}

interface KernelText {
  readonly name: string;
  /** The dispatches that run it, `layer.kernel`. */
  readonly dispatches: readonly string[];
  readonly wgsl: string;
}

/** Each distinct kernel of a plan. */
function kernelsOf({ forward, backward }: Plan): readonly KernelText[] {
  const kernels = new Map<string, { name: string; dispatches: string[]; wgsl: string }>();
  for (const { label, kernel } of [...forward, ...backward]) {
    const known = kernels.get(kernel.code);
    if (known) known.dispatches.push(label);
    else kernels.set(kernel.code, { name: kernel.name, dispatches: [label], wgsl: kernel.code });
  }
  return [...kernels.values()];
}

/** The same of a native model as the summary of an ONNX file. */
function heldBy({ graph }: ModelFile, classes: number | undefined) {
  const { C, H, W } = graph.input.extents;
  const counts = new Map<string, number>();
  for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const ends = (name: string, shape: readonly (number | string)[] | null): readonly End[] => [
    { name, type: 'FLOAT', shape },
  ];
  return {
    inputs: ends(graph.input.name, ['N', C, H, W]),
    outputs: ends(graph.output, classes === undefined ? null : ['N', classes]),
    operators: Object.fromEntries([...counts].sort(([, a], [, b]) => b - a)),
    parameters: [...graph.weights.values()].reduce((sum, { data }) => sum + data.length, 0),
  };
}

function printStages(stages: readonly Stage[]): string[] {
  const sizes = stages.map(({ height, width, channels }) => `${channels}×${height}×${width}`);
  const longest = Math.max(0, ...sizes.map(({ length }) => length));
  return stages.map(
    (stage, k) => `${k === 0 ? 'stages' : '      '}        ${sizes[k]!.padEnd(longest)}  ${describeOperators(stage)}`,
  );
}

interface Unsupported {
  readonly name: string;
  readonly op: string;
  readonly reason?: string;
}

const unsupportedNodes = ({ detail }: GradlensError): readonly Unsupported[] =>
  Array.isArray(detail['nodes']) ? (detail['nodes'] as Unsupported[]) : [];

function print(report: {
  readonly model: string;
  readonly format: string;
  readonly producer: string | null;
  readonly opset: number | null;
  readonly inputs: readonly End[];
  readonly outputs: readonly End[];
  readonly operators: Readonly<Record<string, number>>;
  readonly parameters: number;
  readonly classes: number | null;
  readonly labels: number | null;
  readonly takes: readonly (number | string)[] | null;
  readonly head: Head | null;
  readonly stages: readonly Stage[];
  readonly notes: readonly string[];
  readonly batch: number;
  readonly flops: { readonly forward: number; readonly backward: number } | null;
  readonly memory: {
    readonly weights: number;
    readonly activations: number;
    readonly saved: number;
    readonly scratch: number;
  } | null;
  readonly dispatches: { readonly forward: number; readonly backward: number } | null;
  readonly preparation: {
    readonly by: string;
    readonly prep?: string;
    readonly reason?: string;
    readonly input?: InputSpec;
  } | null;
  readonly kernels?: readonly KernelText[];
  readonly problem: {
    readonly code: string;
    readonly message: string;
    readonly unsupported: readonly Unsupported[];
  } | null;
}): string[] {
  const {
    format,
    opset,
    producer,
    inputs,
    outputs,
    operators,
    parameters,
    classes,
    labels,
    takes,
    head,
    stages,
    notes,
    batch,
    flops,
    memory,
    dispatches,
    preparation,
    kernels = [],
    problem,
  } = report;
  const end = ({ name, shape, type }: End): string =>
    `${name} ${shape ? `[${shape.join(', ')}]` : ''} ${type === 'FLOAT' ? '' : type}`.trim();
  const kind = format === 'onnx' ? `ONNX, opset ${opset}${producer ? `, by ${producer}` : ''}` : format;
  const isTurned = takes && inputs[0]?.shape && takes.slice(1).join() !== inputs[0].shape.slice(1).join();
  const taken = isTurned ? `; arrays go in as [${takes.join(', ')}]` : '';
  const total = Object.values(operators).reduce((sum, count) => sum + count, 0);
  return [
    `${basename(report.model)}: ${kind}`,
    `input         ${inputs.map(end).join(', ')}${taken}`,
    `output        ${outputs.map(end).join(', ')}`,
    `nodes         ${total}: ${Object.entries(operators)
      .map(([op, count]) => `${op} ${count}`)
      .join(', ')}`,
    `parameters    ${parameters.toLocaleString('en')}`,
    ...(flops
      ? [
          `FLOPs         ${short(flops.forward)} forward, ${short(flops.backward)} backward to the input ` +
            `(batch ${batch}; a multiply-add counts two)`,
        ]
      : []),
    ...(memory && dispatches
      ? [
          `on the GPU    ${short(memory.weights + memory.activations + memory.saved + memory.scratch)}B: ` +
            `weights ${short(memory.weights)}B, activations ${short(memory.activations)}B, ` +
            `saved for backward ${short(memory.saved)}B, scratch ${short(memory.scratch)}B; ` +
            `${dispatches.forward} + ${dispatches.backward} dispatches`,
        ]
      : []),
    ...printStages(stages),
    ...(classes === null ? [] : [`classes       ${classes}${labels ? '' : ', without names'}`]),
    ...(head ? [`head          ${head.kind}, since ${head.reason}`] : []),
    ...(preparation
      ? [
          preparation.by === 'file'
            ? 'preparation   as the file says'
            : `preparation   a guess: ${preparation.prep}, since ${preparation.reason}`,
        ]
      : []),
    ...(preparation?.input ? [`pictures      ${describeSpec(preparation.input)}`] : []),
    ...notes.map((note) => `note          ${note}`),
    ...(problem
      ? [
          `not loadable  ${problem.message}`,
          ...problem.unsupported.map(
            ({ op, name, reason }) => `  ${op} ${JSON.stringify(name)}${reason ? `: ${reason}` : ''}`,
          ),
        ]
      : []),
    ...kernels.flatMap(({ name, dispatches, wgsl }) => [
      '',
      `// ${name}: ${dispatches.join(', ')}`,
      ...wgsl.trimEnd().split('\n'),
    ]),
  ];
}

/** A guess in full, where the network takes pictures. */
function inputOf({ prep }: PreparationGuess, extents: Extents): { readonly input?: InputSpec } {
  try {
    return { input: presetSpec(prep, extents) };
  } catch {
    return {};
  }
}

/** `1.53 G`, `830 k`; below a thousand the number itself. */
function short(value: number): string {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return power === 0 ? `${value} ` : `${(value / 1000 ** power).toPrecision(3)} ${' kMGT'[power]}`;
}
