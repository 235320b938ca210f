import { writeNpy } from '../formats/npy';
import { classModel as classModelOf } from '../index';
import { command, common, numberOption } from './args';
import { UsageError } from './failure';
import { classOf, classOption, modelOption, preparationOf, prepOption, readModel } from './models';
import { checkPattern, encodePng, fillPattern, writeWhole } from './output';

export const classModel = command({
  name: 'class-model',
  description: 'a picture that a class scores highly (§2): ascent on S_c − λ‖I‖² from the mean image',
  args: {
    ...modelOption,
    ...prepOption,
    ...classOption,
    iterations: { type: 'string', valueHint: 'N', default: '200', description: 'steps of ascent' },
    l2: { type: 'string', valueHint: 'λ', default: '0.001', description: 'weight of ‖I‖²' },
    step: { type: 'string', valueHint: 'S', default: '0.05', description: 'how far a step moves, as root mean square in the units of the prepared input' },
    score: { type: 'enum', options: ['logit', 'probability'], default: 'logit', description: 'the objective; the paper advises against the probability' },
    out: { type: 'string', valueHint: 'pattern', default: 'out/{class}.png', description: 'where to, with {class} and {method}' },
    npy: { type: 'boolean', description: 'also write the image as the network sees it, float32, beside the picture' },
    ...common,
  },
  async run(args, session) {
    const { signal, onProgress } = session;
    checkPattern(args.out);
    const iterations = numberOption('iterations', args.iterations, 1, 1e6);
    if (!Number.isInteger(iterations)) throw new UsageError(`--iterations is '${args.iterations}'; it should be a whole number`);
    const l2 = numberOption('l2', args.l2, 0, 1e6);
    const step = numberOption('step', args.step, 0, 1e6);
    const score = args.score as 'logit' | 'probability';
    const file = await readModel(args.model, session, args.labels);
    const input = preparationOf(file, args.prep, session);
    const chosen = classOf(args.class, file.labels);
    if (chosen === 'top1') throw new UsageError('class-model needs --class: a number or a name');

    const engine = await session.openEngine(args.driver);
    const model = await engine.load(file, { input, signal, onProgress });
    const run = classModelOf(model, { class: chosen, iterations, l2, step, score, signal, onProgress });
    let next = await run.next();
    while (!next.done) next = await run.next();
    const { data, scores: [curve], picture } = next.value;

    const label = model.labelOf(chosen);
    const out = fillPattern(args.out, { stem: label, class: label, method: 'class-model' });
    const parameters = { method: 'class-model', model: model.name, class: chosen, label, iterations, l2, step, score, precision: 'f32' };
    await writeWhole(out, await encodePng(picture(), parameters));
    const npy = args.npy ? out.replace(/\.png$/i, '.npy') : null;
    if (npy !== null) await writeWhole(npy, writeNpy(model.inputShape, data));
    session.print(args.json, { out, npy, class: chosen, label, scores: curve, parameters },
      `${out}${npy === null ? '' : `, ${npy}`}: ${label} (${chosen}), score ${curve![0]!.toPrecision(4)} → ${curve!.at(-1)!.toPrecision(4)} in ${iterations} iterations`);
    return 0;
  },
});
