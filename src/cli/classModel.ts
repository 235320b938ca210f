import { writeNpy } from '../formats/npy';
import { type Neuron, classModel as classModelOf } from '../index';
import { command, common } from './args';
import { ADVICE, ascentOf, ascentOptions } from './ascent';
import { UsageError } from './failure';
import { classOf, classOption, modelOption, preparationOf, prepOption, readModel } from './models';
import { beside, checkPattern, encodePng, fillPattern, named } from './output';

/** The largest batch, so that all classes at once take bounded memory. */
const MOST_AT_ONCE = 10;

export const classModel = command({
  name: 'class-model',
  description: 'a picture that a class scores highly (§2): ascent on S_c − λ‖I‖² from the mean image',
  examples: [['--class ladybug --out ladybug.png', 'what the net thinks of']],
  args: {
    ...modelOption,
    ...prepOption,
    ...classOption,
    neuron: {
      type: 'string',
      valueHint: 'TENSOR:CHANNEL[:Y:X]',
      description: 'instead of a class a channel of a tensor, or one place of it',
    },
    ...ascentOptions('paper'),
    score: {
      type: 'enum',
      options: ['logit', 'probability'],
      default: 'logit',
      description: 'the objective; the paper advises against the probability',
    },
    out: {
      type: 'string',
      valueHint: 'pattern',
      default: 'out/{class}.png',
      description: 'where to, with {class} and {method}',
    },
    npy: { type: 'boolean', description: 'also write the image as the network sees it, float32, beside the picture' },
    ...common,
  },
  async run(args, session) {
    const { signal, onProgress } = session;
    checkPattern(args.out);
    const ascent = ascentOf(args);
    const score = args.score;
    const file = await readModel(args, session);
    const input = preparationOf(file, args.prep, session);
    const targets = args.neuron === undefined ? classesOf(args.class, file.labels) : [neuronOf(args.neuron)];
    if (targets.length > 1 && !/\{class\}/.test(args.out))
      throw new UsageError(`--class has ${targets.length} classes, so --out needs {class}`);

    const results = namesOf(targets, args, file.labels);
    const outputs = session.files.outputs();
    for (const { out, npy } of results) {
      outputs.claim(out);
      if (npy !== null) outputs.claim(npy);
    }

    const engine = await session.openEngine(args.driver);
    const batch = Math.min(targets.length, MOST_AT_ONCE);
    const model = await engine.load(file, { input, batch, signal, onProgress });
    for (let begin = 0; begin < targets.length; begin += batch) {
      const some = Array.from({ length: batch }, (_, n) => targets[Math.min(begin + n, targets.length - 1)]!);
      const target = typeof some[0] === 'object' ? some[0] : (some as number[]);
      const run = classModelOf(model, {
        ...ascent,
        class: target,
        score,
        signal,
        onProgress,
      });
      let next = await run.next();
      while (!next.done) next = await run.next();
      const { data, scores, remarks, meta, picture } = next.value;
      const size = data.length / batch;
      for (const [n, { label, title, out, npy }] of results.slice(begin, begin + batch).entries()) {
        const curve = scores[n]!;
        const parameters = { ...meta, class: some[n]!, label };
        await outputs.write(out, await encodePng(picture(n), parameters));
        if (npy !== null) {
          const image = data.subarray(n * size, (n + 1) * size);
          await outputs.write(npy, writeNpy([1, ...model.inputShape.slice(1)], image));
        }
        const [first, last] = [curve[0]!, curve.at(-1)!].map((value) => value.toPrecision(4));
        const remark = remarks[n]!;
        if (remark) session.note(`${out}: ${ADVICE[remark]}`);
        session.print(
          args.json,
          { out, npy, class: some[n]!, label, scores: curve, remark, parameters },
          `${npy === null ? out : `${out}, ${npy}`}: ${title}, score ${first} → ${last} in ${curve.length} iterations`,
        );
      }
    }
    return 0;
  },
});

interface Result {
  readonly label: string;
  /** For people. */
  readonly title: string;
  readonly out: string;
  readonly npy: string | null;
}

/** What the results are called, and where they go; classes of one name are told apart by their numbers. */
function namesOf(
  targets: readonly (number | Neuron)[],
  args: { readonly out: string; readonly neuron?: string | undefined; readonly npy?: boolean | undefined },
  labels: readonly string[],
): readonly Result[] {
  const labelOf = (target: number | Neuron): string =>
    typeof target === 'object' ? (args.neuron ?? target.tensor) : (labels[target] ?? String(target));
  const fill = (text: string): string => fillPattern(args.out, { stem: text, class: text, method: 'class-model' });
  const filled = targets.map((target) => fill(labelOf(target)));
  return targets.map((target, i) => {
    const label = labelOf(target);
    const isAlone = filled.filter((other) => other === filled[i]).length === 1;
    const out = isAlone || typeof target === 'object' ? filled[i]! : fill(`${label} ${target}`);
    const title = typeof target === 'object' ? label : named(target, label);
    return { label, title, out, npy: args.npy ? beside(out, 'npy') : null };
  });
}

/** A class, several with commas between their numbers, or all of them. */
function classesOf(text: string, labels: readonly string[]): readonly number[] {
  if (text === 'all' && labels.length > 0) return [...labels.keys()];
  const parts = /^\d+(,\d+)+$/.test(text) ? text.split(',') : [text];
  return parts.map((part) => {
    const found = classOf(part, labels);
    if (found === 'top1')
      throw new UsageError('class-model needs --class: a number or a name, numbers with commas between them, or all');
    return found;
  });
}

function neuronOf(text: string): Neuron {
  const [, tensor, channel, y, x] = /^(.+?):(\d+)(?::(\d+):(\d+))?$/.exec(text) ?? [];
  if (tensor === undefined) throw new UsageError(`--neuron is '${text}'; it can be like relu5:12 or relu5:12:6:6`);
  return { tensor, channel: Number(channel), ...(y === undefined ? {} : { y: Number(y), x: Number(x) }) };
}
