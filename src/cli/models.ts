/** From `--model` and `--prep` to a model on the GPU, and from `--class` to its number. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArgsDef } from 'citty';
import modelSchema from '../formats/model.schema.json' with { type: 'json' };
import { type Schema, validate } from '../formats/schema';
import { GradlensError, type InputSpec, type ModelFile } from '../index';
import { loadModelFile } from '../load';
import { fileAddress } from '../node/index';
import { UsageError } from './failure';
import type { Session } from './session';

/** The folder in weights/ that is used without `--model`. */
export const DEFAULT_MODEL = 'imagenette-128';

export const modelOption = {
  model: { type: 'string', valueHint: 'M', description: `an .onnx file, a model.json, or a name in weights/ (default: ${DEFAULT_MODEL})` },
} as const satisfies ArgsDef;

export const prepOption = {
  prep: { type: 'string', valueHint: 'P', description: 'how pictures are prepared, for models that do not say: torchvision, caffe-bgr, unit, or an InputSpec in a JSON file' },
} as const satisfies ArgsDef;

/** The folder of package.json, from a source file or from the built one. */
const packageRoot = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
})();

export function packageVersion(of = packageRoot): string {
  return (JSON.parse(readFileSync(join(of, 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * Reads a model without a GPU, so that whatever is wrong with it is said at once.
 *
 * @throws UsageError if there is none; GradlensError `model-format`, `unsupported-op`, `shape`
 */
export async function readModel(name: string = DEFAULT_MODEL, { signal, onProgress }: Session): Promise<ModelFile> {
  const path = pathOf(name);
  const read = (file: string): Promise<Uint8Array> =>
    readFile(file).catch((cause: NodeJS.ErrnoException) => {
      throw new UsageError(`${file} cannot be read: ${cause.code ?? cause.message}`);
    });
  try {
    return await loadModelFile(fileAddress(path), (address) => read(fileURLToPath(address)), { signal, onProgress });
  } catch (error) {
    if (error instanceof GradlensError) throw new GradlensError(error.code, `${path}: ${error.message}`, error.detail, { cause: error });
    throw error;
  }
}

function pathOf(name: string): string {
  const found = [name, join(name, 'model.json'), join(packageRoot, 'weights', name, 'model.json')].find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (found !== undefined) return found;
  const names = shippedModels();
  throw new UsageError(`no model '${name}': it is no file, and in weights/ there ${names.length > 0 ? `are ${names.join(', ')}` : 'are none yet'}`);
}

function shippedModels(): string[] {
  const folder = join(packageRoot, 'weights');
  return existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, 'model.json'))) : [];
}

// ——— preparation ———

type Preset = Pick<InputSpec, 'order' | 'scale' | 'resize'> & { readonly mean: readonly number[]; readonly std: readonly number[] };

/** By the custom of three families of networks. The size is the graph's. */
const PRESETS: Readonly<Record<string, Preset>> = {
  torchvision: { order: 'RGB', scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], resize: 'crop' },
  'caffe-bgr': { order: 'BGR', scale: 1, mean: [103.939, 116.779, 123.68], std: [1, 1, 1], resize: 'squash' },
  unit: { order: 'RGB', scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1], resize: 'squash' },
};

/** @throws UsageError if neither the model nor `--prep` says how a picture becomes the input, or `--prep` does not fit the model. */
export function preparationOf(file: ModelFile, prep: string | undefined): InputSpec {
  const { C, H, W } = file.graph.input.extents;
  if (prep === undefined) {
    if (file.input) return file.input;
    throw new UsageError(`the model does not say how pictures are prepared: add --prep ${Object.keys(PRESETS).join(' | ')}, or --prep FILE with an InputSpec in JSON`);
  }
  const preset = Object.hasOwn(PRESETS, prep) ? PRESETS[prep] : undefined;
  if (!preset) return fitting(prep, parseInputSpec(prep, { width: W, height: H, channels: C }), file);
  const grey = prep === 'unit' && C === 1;
  return fitting(prep, { ...preset, ...(grey ? { mean: [0], std: [1] } : {}), width: W, height: H, channels: grey ? 1 : 3 }, file);
}

function fitting(prep: string, spec: InputSpec, { graph: { input: { extents: { C, H, W } } } }: ModelFile): InputSpec {
  if (spec.channels === C && spec.height === H && spec.width === W) return spec;
  throw new UsageError(`--prep ${prep} prepares [${spec.channels}, ${spec.height}, ${spec.width}]; the network takes [${C}, ${H}, ${W}]`);
}

/** Extents that the file leaves out are the graph's. */
function parseInputSpec(path: string, extents: { readonly width: number; readonly height: number; readonly channels: number }): InputSpec {
  if (!existsSync(path)) throw new UsageError(`--prep is '${path}'; it can be ${Object.keys(PRESETS).join(', ')}, or a JSON file`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`${path} is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  // the model file's own schema, but for the tensor's name
  const { tensor, ...properties } = modelSchema.properties.input.properties;
  const required = modelSchema.properties.input.required.filter((name) => name !== 'tensor');
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  const spec: unknown = isObject ? { ...extents, ...(json as object) } : json;
  validate({ ...modelSchema.properties.input, $defs: modelSchema.$defs, properties, required } as unknown as Schema, spec, basename(path));
  const { channels, mean, std } = spec as InputSpec;
  if (mean.length !== channels || std.length !== channels) {
    throw new UsageError(`${path}: mean and std have ${mean.length} and ${std.length} numbers; the input has ${channels} channels`);
  }
  return spec as InputSpec;
}

// ——— classes ———

export const classOption = {
  class: { type: 'string', valueHint: 'top1|ID|NAME', default: 'top1', description: 'the class: the best, or by number, or by name' },
} as const satisfies ArgsDef;

/**
 * A class by number or name: the whole name, one of its synonyms, or a part that only one class has; capitals do not matter.
 * Numbers are looked at again by the model, which knows how many there are.
 *
 * @throws UsageError
 */
export function classOf(text: string, labels: readonly string[]): number | 'top1' {
  if (text === 'top1') return text;
  if (/^\d+$/.test(text)) {
    const index = Number(text);
    if (labels.length > 0 && index >= labels.length) throw new UsageError(`class ${text} is not among the ${labels.length} classes, 0 to ${labels.length - 1}`);
    return index;
  }
  if (labels.length === 0) throw new UsageError(`unknown class '${text}': this model names no classes, so give a number, or top1`);
  const sought = text.trim().toLowerCase();
  const matching = (fits: (label: string) => boolean): number[] => [...labels.keys()].filter((index) => fits(labels[index]!.toLowerCase()));
  for (const found of [
    matching((label) => label === sought),
    matching((label) => label.split(/,\s*/).includes(sought)),
    matching((label) => sought !== '' && label.includes(sought)),
  ]) {
    if (found.length === 1) return found[0]!;
    if (found.length > 1) throw new UsageError(`class '${text}' may be ${listed(found.map((index) => `${labels[index]} (${index})`))}`);
  }
  throw new UsageError(`unknown class '${text}'; there are ${listed(labels)}`);
}

const MOST_LISTED = 12;
const listed = (names: readonly string[]): string => `${names.slice(0, MOST_LISTED).join(', ')}${names.length > MOST_LISTED ? `, … (${names.length})` : ''}`;
