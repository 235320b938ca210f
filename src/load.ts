/** From whatever names a model to a {@link ModelFile}. */
import { GradlensError } from './errors';
import { MOST_FILE_BYTES } from './formats/checks';
import { recogniseFormat } from './formats/recognise';
import type { Graph, ModelFile } from './graph';
import type { ExpectedFile, LoadOptions, RunOptions } from './options';

/**
 * A `model.json` or `.onnx` file by address or content, the name of a shipped or public model, the two addresses of a
 * net (what `gradlens/weights/NET` exports), a graph that a program built, or the files that a user chose (a
 * `model.json` together with its weights).
 */
export type ModelSource =
  | URL
  | string
  | NetAddresses
  | Blob
  | ArrayBuffer
  | Uint8Array
  | Graph
  | ModelFile
  | readonly File[];

/** Where the two files of a net lie, under whatever names a bundler gave them. */
export interface NetAddresses {
  readonly manifest: URL | string;
  readonly weights: URL | string;
}

/** Fetches the bytes at an address, reporting the download. The host's: over http in browsers, files too in Node. */
export type FetchBytes = (address: URL, options: FetchOptions) => Promise<Uint8Array>;

export interface FetchOptions extends RunOptions {
  readonly expected?: ExpectedFile;
  /** Of a file that a model names: the folder that it must lie in, after links are followed. */
  readonly within?: URL;
}

type ReadOptions = RunOptions & Pick<LoadOptions, 'expected'>;

/** @throws GradlensError `network`, `model-format`, `unsupported-op`, `shape` */
export async function loadModelFile(
  source: ModelSource,
  fetchBytes: FetchBytes,
  options: ReadOptions,
): Promise<ModelFile> {
  if (isModelFile(source)) return source;
  if (isGraph(source)) return { graph: source, labels: [], provenance: {} };
  const { expected: _, ...runOptions } = options;
  if (isNetAddresses(source)) {
    const bytes = await fetchBytes(addressOf(source.manifest), options);
    const weights = addressOf(source.weights);
    return decode(
      bytes,
      (_name, expected) => fetchBytes(weights, { ...runOptions, ...(expected && { expected }) }),
      options,
    );
  }
  if (typeof source === 'string') {
    const { namedModel } = await import('./publicModels');
    const named = namedModel(source);
    if (named) {
      const { address, expected, prep } = named;
      const file = await loadModelFile(address, fetchBytes, { ...options, ...(expected && { expected }) });
      return prep && file.guess ? { ...file, guess: { prep, reason: 'so its authors say' } } : file;
    }
  }
  if (typeof source === 'string' || source instanceof URL) {
    const address = addressOf(source);
    const bytes = await fetchBytes(address, options);
    const within = new URL('.', address);
    const besides = (file: string): URL => new URL(file.split('/').map(encodeURIComponent).join('/'), address);
    return decode(
      bytes,
      (file, expectedFile) =>
        fetchBytes(besides(file), { ...runOptions, within, ...(expectedFile && { expected: expectedFile }) }),
      options,
    );
  }
  if (isFiles(source)) {
    const main = (await Promise.all(source.map(async (file) => ((await isModel(file)) ? [file] : [])))).flat();
    if (main.length !== 1) {
      const names = (files: readonly File[]): string => files.map(({ name }) => name).join(', ');
      throw new GradlensError(
        'model-format',
        main.length === 0
          ? `none of ${names(source)} is an ONNX model or a gradlens model.json`
          : `${names(main)} are ${main.length} models; choose one, together with its weights`,
      );
    }
    return decode(await bytesOf(main[0]!, options), async (name) => bytesOf(beside(source, name)), options);
  }
  const bytes =
    source instanceof Blob
      ? await bytesOf(source, options)
      : source instanceof Uint8Array
        ? source
        : new Uint8Array(source);
  return decode(bytes, async (name) => bytesOf(beside([], name)), options);
}

/** Enough to recognise any model by. */
const HEAD_BYTES = 2 ** 16;

const isModel = async (file: File): Promise<boolean> =>
  ['manifest', 'onnx'].includes(recogniseFormat(await file.slice(0, HEAD_BYTES).arrayBuffer()));

async function bytesOf(file: Blob, { expected }: ReadOptions = {}): Promise<Uint8Array> {
  const name = file instanceof File ? file.name : 'the model';
  if (file.size > MOST_FILE_BYTES)
    throw new GradlensError('model-format', `${name} has ${file.size} bytes; at most ${MOST_FILE_BYTES} are read`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const fault = expected && (await (await import('./download')).faultOf(bytes, expected));
  if (fault) throw new GradlensError('model-format', `${name} ${fault}`);
  return bytes;
}

/** Relative addresses count from the page, or in Node from the working directory. */
function addressOf(source: string | URL): URL {
  const { document, location, process } = globalThis as Partial<typeof globalThis>;
  const base =
    document?.baseURI ??
    location?.href ??
    (process?.cwd ? `file:///${process.cwd().replace(/\\/g, '/').replace(/^\//, '')}/` : undefined);
  try {
    return new URL(source, base);
  } catch (cause) {
    throw new GradlensError('network', `'${source}' is no address of a model`, { source }, { cause });
  }
}

/** `fetchBeside`: a file by its path inside the model's folder. */
async function decode(
  bytes: Uint8Array,
  fetchBeside: (path: string, expected?: ExpectedFile) => Promise<Uint8Array>,
  { signal, onProgress }: RunOptions,
): Promise<ModelFile> {
  signal?.throwIfAborted();
  onProgress?.({ phase: 'parse', done: 0, total: bytes.byteLength });
  switch (recogniseFormat(bytes)) {
    case 'onnx': {
      const { openOnnx } = await import('./formats/onnx'); // with its protobuf library: each format is loaded when a file of it comes
      const model = openOnnx(bytes);
      const files = new Map<string, Uint8Array>();
      for (const path of model.externalFiles) files.set(path, await fetchBeside(path));
      return withLabels(model.read(files));
    }
    case 'manifest': {
      const { parseManifest, readNative } = await import('./formats/native');
      const manifest = parseManifest(parseJson(bytes));
      return readNative(manifest, await fetchBeside(manifest.weights.file, manifest.weights));
    }
    case 'safetensors':
      throw new GradlensError(
        'model-format',
        'this is a safetensors file, which holds weights only; choose its model.json (together with it)',
      );
    default:
      throw new GradlensError('model-format', 'this is neither an ONNX model nor a gradlens model.json');
  }
}

/**
 * ImageNet's 1000 classes, in the order that all nets trained on them share; so that is what 1000 scores without names
 * are taken to be.
 */
async function withLabels(file: ModelFile): Promise<ModelFile> {
  if (classesOf(file.graph) !== IMAGENET_CLASSES) return file;
  const { default: labels } = await import('./formats/imagenet.json'); // 12 kB that most models do not need
  return { ...file, labels, provenance: { ...file.provenance, labels: 'ImageNet’s, since there are 1000 scores' } };
}

const IMAGENET_CLASSES = 1000;

/** Of the last layer with weights; undefined where it does not follow from that. */
function classesOf({ nodes, weights }: Graph): number | undefined {
  const last = nodes.findLast(({ op }) => op === 'conv' || op === 'fullyConnected');
  return last && 'weight' in last ? weights.get(last.weight)?.shape[0] : undefined;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new GradlensError(
      'model-format',
      `model.json is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      {},
      { cause },
    );
  }
}

/** Files that a user chose have no folders: only the last part of a path counts. */
function beside(files: readonly File[], path: string): File {
  const wanted = path.slice(path.lastIndexOf('/') + 1);
  const [file, second] = files.filter(({ name }) => name === wanted);
  if (!file || second)
    throw new GradlensError(
      'model-format',
      `its weights are in '${wanted}', ${second ? 'of which there are two' : 'which was not given with it; choose both files'}`,
      { file: wanted },
    );
  return file;
}

const isModelFile = (source: ModelSource): source is ModelFile =>
  typeof source === 'object' && 'graph' in source && 'labels' in source;
const isGraph = (source: ModelSource): source is Graph => typeof source === 'object' && 'nodes' in source;
const isNetAddresses = (source: ModelSource): source is NetAddresses =>
  typeof source === 'object' && 'manifest' in source;
const isFiles = (source: ModelSource): source is readonly File[] => Array.isArray(source);

/** Downloads, with progress and errors that name the address; weights are kept in the browser's cache. */
export const fetchOverHttp: FetchBytes = async (address, options) => {
  const { browserCache, download } = await import('./download');
  return download(address, options, isKept(address) ? browserCache() : undefined);
};

/** Manifests are small, and say by their checksum whether the kept weights are theirs. */
export const isKept = ({ pathname, protocol }: URL): boolean =>
  /^https?:$/.test(protocol) && !pathname.endsWith('.json');
