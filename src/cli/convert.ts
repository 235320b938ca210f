import { basename, join } from 'node:path';
import { writeManifest } from '../formats/native';
import { writeSafetensors } from '../formats/safetensors';
import type { Graph } from '../index';
import { common, command } from './args';
import { EXIT, UsageError } from './failure';
import { modelOption, preparationOf, prepOption, readModel } from './models';

export const convert = command({
  name: 'convert',
  description:
    'writes a model in the native format, OUT/model.json and its weights, with its preparation and labels; ' +
    'needs no GPU',
  examples: [['net.onnx net/ --prep torchvision', 'to model.json and safetensors']],
  args: {
    model: { type: 'positional', required: true, description: modelOption.model.description },
    out: { type: 'positional', required: false, description: 'the folder to write' },
    labels: modelOption.labels,
    size: modelOption.size,
    output: modelOption.output,
    fixed: modelOption.fixed,
    ...prepOption,
    f16: { type: 'boolean', description: 'weights in half precision: half the size, rounded to 11 bits' },
    json: common.json,
  },
  async run(args, session) {
    const [from, out, ...more] = args._;
    if (out === undefined) throw new UsageError('no out given: convert MODEL OUT');
    if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`);
    const read = await readModel({ ...args, model: from }, session);
    const input = preparationOf(read, args.prep, session);
    const name = nameOf(read.graph);
    const file = `${name}.safetensors`;
    const outputs = session.files.outputs();
    outputs.claim(join(out, 'model.json'));
    outputs.claim(join(out, file));
    const type = args.f16 ? 'F16' : 'F32';
    const provenance = {
      ...read.provenance,
      convertedFrom: basename(from!),
      ...(args.f16 && { weights: 'rounded to half precision' }),
      ...(args.prep === undefined && !read.input && { preparation: `a guess, since ${read.guess?.reason}` }),
    };
    const bytes = writeSafetensors(read.graph.weights, type);
    const manifest = await writeManifest(
      { graph: { ...read.graph, name }, input, labels: read.labels, provenance },
      { file, bytes },
    );
    await outputs.write(join(out, file), bytes);
    await outputs.write(join(out, 'model.json'), new TextEncoder().encode(manifest));
    const parameters = [...read.graph.weights.values()].reduce((sum, { data }) => sum + data.length, 0);
    const [numbers, size] = [parameters, bytes.length].map((count) => count.toLocaleString('en'));
    session.print(
      args.json,
      {
        model: from,
        out: join(out, 'model.json'),
        weights: join(out, file),
        bytes: bytes.length,
        type,
        parameters,
        input,
        labels: read.labels.length,
      },
      `${join(out, 'model.json')} and ${file}: ${numbers} parameters in ${type}, ${size} bytes`,
    );
    return EXIT.ok;
  },
});

/** As a file's name. */
const nameOf = ({ name }: Graph): string =>
  name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9_]+/, '') || 'model';
