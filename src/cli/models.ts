/** From `--model` and `--prep` to a model on the GPU, and from `--class` to its number. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArgsDef } from 'citty';
import modelSchema from '../formats/model.schema.json' with { type: 'json' };
import { readLabels } from '../formats/labels';
import { readNpy } from '../formats/npy';
import { isPreset } from '../formats/preparation';
import { type Schema, validate } from '../formats/schema';
import {
  DEFAULT_MODEL,
  type ExpectedFile,
  type Extents,
  GradlensError,
  type Head,
  type HeadKind,
  type InputSpec,
  type ModelFile,
  PUBLIC_MODELS,
  type ReadingOptions,
  presetNames,
  presetSpec,
} from '../index';
import { classesNamed } from '../classNames';
import { loadModelFile } from '../load';
import { namedModel } from '../publicModels';
import { fileAddress } from '../node/index';
import { withBeside } from './beside';
import { UsageError } from './failure';
import type { Files } from './files';
import type { Session } from './session';

export const modelOption = {
  model: {
    type: 'string',
    valueHint: 'M',
    description:
      `an .onnx file, a model.json, their address, or a name: of weights/ (default: ${DEFAULT_MODEL}) ` +
      `or of a public model, which is downloaded (${Object.keys(PUBLIC_MODELS).join(', ')})`,
  },
  labels: {
    type: 'string',
    valueHint: 'FILE',
    description:
      'names of the classes: one a line in score order, a JSON list, or an object of numbers and names (id2label, ' +
      'class_to_idx, Keras)',
  },
  size: {
    type: 'string',
    valueHint: 'HxW',
    description: 'height and width of pictures, where an ONNX file leaves them free',
  },
  output: {
    type: 'string',
    valueHint: 'NAME',
    description: 'the tensor of the class scores, of an ONNX file with several',
  },
  fixed: {
    type: 'string',
    valueHint: 'NAME=VALUE',
    description:
      'what other inputs of an ONNX file are held at: NAME=NUMBER, NAME=FILE.npy, NAME=A,B,C; several with commas ' +
      'between',
  },
  head: {
    type: 'enum',
    options: ['softmax', 'sigmoid', 'none'],
    description: 'what makes probabilities of scores (default: what the net ends in)',
  },
} as const satisfies ArgsDef;

type ModelArgs = { readonly [name in keyof typeof modelOption]?: string | undefined };

export const prepOption = {
  prep: {
    type: 'string',
    valueHint: 'P',
    description:
      `how pictures are prepared: ${presetNames.join(', ')}, or an InputSpec in a JSON file ` +
      '(default: as the model says, else a guess, which is told)',
  },
} as const satisfies ArgsDef;

/** The folder of package.json, from a source file or from the built one. */
export const packageRoot = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
})();

export function packageVersion(of = packageRoot): string {
  return (JSON.parse(readFileSync(join(of, 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * Reads a model without a GPU, so that whatever is wrong with it is said at once; what was supposed is noted.
 *
 * @throws UsageError if there is none; GradlensError `model-format`, `unsupported-op`, `shape`, `network`
 */
export async function readModel(args: ModelArgs, session: Session): Promise<ModelFile> {
  const { signal, onProgress, files } = session;
  const names = args.labels === undefined ? undefined : readLabels(files.text(args.labels), args.labels);
  const { source, place } = sourceOf(args.model || DEFAULT_MODEL);
  const open: ReadingOptions = {
    ...(args.size !== undefined && { size: sizeOption(args.size) }),
    ...(args.output !== undefined && { output: args.output }),
    ...(args.fixed !== undefined && { fixed: fixedOption(args.fixed, files) }),
  };
  const head: Head | undefined = args.head
    ? { kind: args.head as HeadKind, by: 'caller', reason: '--head says so' }
    : undefined;
  try {
    const read = await loadModelFile(source, files.fetch, { signal, onProgress, ...open });
    const file = existsSync(place) ? withBeside(read, place, session) : read;
    for (const note of file.notes ?? []) session.note(note);
    return { ...file, ...(names && { labels: names }), ...(head && { head }) };
  } catch (error) {
    if (error instanceof GradlensError && error.code !== 'network')
      throw new GradlensError(error.code, `${place}: ${error.message}`, error.detail, { cause: error });
    throw error;
  }
}

/** @throws UsageError */
function sizeOption(text: string): readonly [number, number] {
  const [, height, width = height] = /^(\d+)(?:[x×](\d+))?$/i.exec(text) ?? [];
  if (height === undefined)
    throw new UsageError(`--size is '${text}'; height and width, such as 320x320, would be right`);
  return [Number(height), Number(width)];
}

/** @throws UsageError for what is neither numbers nor an array that can be read */
function fixedOption(text: string, files: Files): Readonly<Record<string, ArrayLike<number> | number>> {
  const entries = text.split(/,(?=[^,=]+=)/).map((entry): readonly [string, ArrayLike<number> | number] => {
    const [, name, value] = /^([^=]+)=(.+)$/s.exec(entry) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError(`--fixed is '${entry}'; NAME=NUMBER or NAME=FILE.npy would be right`);
    if (/\.npy$/i.test(value)) {
      files.reads(value);
      return [name, readNpy(readFileSync(value)).data];
    }
    const numbers = value.split(',').map(Number);
    if (numbers.some((number) => !Number.isFinite(number)))
      throw new UsageError(
        `--fixed holds ${name} at '${value}'; a number, several with commas, or FILE.npy would be right`,
      );
    return [name, numbers.length === 1 ? numbers[0]! : numbers];
  });
  return Object.fromEntries(entries);
}

interface Source {
  /** What `load` takes: of a named model its name, so that what is known of it counts. */
  readonly source: URL | string;
  readonly address: URL;
  readonly expected?: ExpectedFile;
  /** For messages. */
  readonly place: string;
}

const at = (address: URL, place: string): Source => ({ source: address, address, place });

/** @throws UsageError */
export function sourceOf(name: string): Source {
  const path = [name, join(name, 'model.json'), join(packageRoot, 'weights', name, 'model.json')].find((at) =>
    statSync(at, { throwIfNoEntry: false })?.isFile(),
  );
  if (path !== undefined) return at(fileAddress(path), path);
  if (/^https?:\/\//.test(name) && URL.canParse(name)) return at(new URL(name), name);
  const known = namedModel(name);
  if (known) return { ...known, source: name, place: name };
  const names = shippedModels();
  throw new UsageError(
    `no model '${name}': it is no file, and in weights/ there are ${names.join(', ') || 'none yet'}; ` +
      `to be downloaded there are ${Object.keys(PUBLIC_MODELS).join(', ')}`,
  );
}

function shippedModels(): string[] {
  const folder = join(packageRoot, 'weights');
  return existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, 'model.json'))) : [];
}

// ——— preparation ———

/**
 * What `--prep` says, else the file, else what the file suggests, which a note on stderr tells.
 *
 * @throws UsageError if nothing says how a picture becomes the input, or `--prep` does not fit the model
 */
export function preparationOf(file: ModelFile, prep: string | undefined, session: Session): InputSpec {
  const { extents } = file.graph.input;
  if (prep === undefined) {
    if (file.input) return file.input;
    if (!file.guess)
      throw new UsageError(
        `the model does not say how pictures are prepared: add --prep ${presetNames.join(' | ')}, ` +
          'or --prep FILE with an InputSpec in JSON',
      );
    session.note(
      `the model does not say how pictures are prepared; taking ${file.guess.prep}, ` +
        `since ${file.guess.reason}. --prep overrules this`,
    );
    return presetSpec(file.guess.prep, extents);
  }
  if (!isPreset(prep)) return fitting(prep, readInputSpec(prep, extents, session.files), file);
  return presetSpec(prep, extents);
}

function fitting(
  prep: string,
  spec: InputSpec,
  {
    graph: {
      input: {
        extents: { C, H, W },
      },
    },
  }: ModelFile,
): InputSpec {
  if (spec.channels === C && spec.height === H && spec.width === W) return spec;
  throw new UsageError(
    `--prep ${prep} prepares [${spec.channels}, ${spec.height}, ${spec.width}]; the network takes [${C}, ${H}, ${W}]`,
  );
}

/** Extents that the file leaves out are the graph's. */
function readInputSpec(path: string, { C, H, W }: Extents, files: Files): InputSpec {
  if (!existsSync(path))
    throw new UsageError(`--prep is '${path}'; it can be ${presetNames.join(', ')}, or a JSON file`);
  const json = files.json(path);
  // the model file's own schema, but for the tensor's name
  const { tensor, ...properties } = modelSchema.properties.input.properties;
  const required = modelSchema.properties.input.required.filter((name) => name !== 'tensor');
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  const spec: unknown = isObject ? { width: W, height: H, channels: C, ...json } : json;
  validate(
    { ...modelSchema.properties.input, $defs: modelSchema.$defs, properties, required } as unknown as Schema,
    spec,
    basename(path),
  );
  const { channels, mean, std } = spec as InputSpec;
  if (mean.length !== channels || std.length !== channels) {
    throw new UsageError(
      `${path}: mean and std have ${mean.length} and ${std.length} numbers; the input has ${channels} channels`,
    );
  }
  return spec as InputSpec;
}

// ——— classes ———

export const classOption = {
  class: {
    type: 'string',
    valueHint: 'top1|ID|NAME',
    default: 'top1',
    description: 'the class: the best, or by number, or by name',
  },
} as const satisfies ArgsDef;

/**
 * A class by number or name, as {@link classesNamed} finds it. Numbers are looked at again by the model, which knows
 * how many there are.
 *
 * @throws UsageError
 */
export function classOf(text: string, labels: readonly string[]): number | 'top1' {
  if (text === 'top1') return text;
  const [index, ...others] = classesNamed(text, labels, labels.length || Infinity);
  if (index !== undefined && others.length === 0) return index;
  if (index !== undefined)
    throw new UsageError(`class '${text}' may be ${listed([index, ...others].map((k) => `${labels[k]} (${k})`))}`);
  if (labels.length === 0)
    throw new UsageError(`unknown class '${text}': this model names no classes, so give a number, or top1`);
  if (/^\d+$/.test(text))
    throw new UsageError(`class ${text} is not among the ${labels.length} classes, 0 to ${labels.length - 1}`);
  throw new UsageError(`unknown class '${text}'; there are ${listed(labels)}`);
}

const MOST_LISTED = 12;
const listed = (names: readonly string[]): string =>
  `${names.slice(0, MOST_LISTED).join(', ')}${names.length > MOST_LISTED ? `, … (${names.length})` : ''}`;
