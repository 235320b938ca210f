/** From whatever names a model to a {@link ModelFile}. */
import { GradlensError } from './errors';
import { formatError, MOST_FILE_BYTES } from './formats/checks';
import type { NeededFile } from './formats/open';
import { DESCRIPTIONS, recogniseFile } from './formats/recognise';
import type { Graph, ModelFile } from './graph';
import type { ExpectedFile, LoadOptions, ReadingOptions, RunOptions } from './options';

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
  /** Of its `model.json`. */
  readonly manifest: URL | string;
  /** Of its safetensors. */
  readonly weights: URL | string;
}

/** Fetches the bytes at an address, reporting the download. The host's: over http in browsers, files too in Node. */
export type FetchBytes = (address: URL, options: FetchOptions) => Promise<Uint8Array>;

/** What is asked of {@link FetchBytes}. */
export interface FetchOptions extends RunOptions {
  /** Refuses another file. */
  readonly expected?: ExpectedFile;
  /** Of a file that a model names: the folder that it must lie in, after links are followed. */
  readonly within?: URL;
}

type ReadOptions = RunOptions & ReadingOptions & Pick<LoadOptions, 'expected'>;

/**
 * A model in four steps: its own file, what that says it needs, those files, and the model made of all.
 * @throws GradlensError `network`, `model-format`, `unsupported-op`, `shape`
 */
export async function loadModelFile(
  source: ModelSource,
  fetchBytes: FetchBytes,
  options: ReadOptions,
): Promise<ModelFile> {
  if (isModelFile(source) || isGraph(source)) {
    const { refuseOptions } = await import('./formats/open');
    refuseOptions(options, 'this one was read before');
    return isModelFile(source) ? source : { graph: source, labels: [], provenance: {} };
  }
  const named = typeof source === 'string' ? (await import('./publicModels')).namedModel(source) : undefined;
  const open = async () => {
    const from = named
      ? await fromAddress(named.address, fetchBytes, {
          ...options,
          ...(named.expected && { expected: named.expected }),
        })
      : typeof source === 'string' || source instanceof URL
        ? await fromAddress(addressOf(source), fetchBytes, options)
        : isNetAddresses(source)
          ? await fromTwoAddresses(source, fetchBytes, options)
          : isFiles(source) || source instanceof Blob
            ? await fromFiles([source].flat(), options)
            : { bytes: source instanceof Uint8Array ? source : new Uint8Array(source), beside: besideNothing };
    options.signal?.throwIfAborted();
    options.onProgress?.({ phase: 'parse', done: 0, total: from.bytes.byteLength });
    const { openModel } = await import('./formats/open');
    return { from, model: await openModel(from.bytes) };
  };
  const { from, model } = await open().catch((error: unknown) => {
    if (!(error instanceof GradlensError)) throw error;
    if (typeof source === 'string' && named && !named.expected) throw leftBehind(source, error);
    throw isNetAddresses(source) && error.code === 'network' ? notFollowed(error) : error;
  });
  const files = new Map<string, Uint8Array>();
  for (const needed of model.files) files.set(needed.path, await from.beside(needed));
  const { size, output, fixed } = options;
  const file = await model.read(files, {
    ...(size && { size }),
    ...(output !== undefined && { output }),
    ...(fixed && { fixed }),
  });
  const called = file.provenance['format'] === 'onnx' ? calledAs(file, from.name) : file;
  if (!named?.prep) return called;
  const { presetSpec } = await import('./formats/preparation'); // its authors say how, though the file does not
  return { ...called, input: presetSpec(named.prep, file.graph.input.extents) };
}

/** What a bundler does to nets that come with the package: it takes only those along that are imported. */
const leftBehind = (name: string, cause: GradlensError): GradlensError =>
  new GradlensError(
    cause.code,
    `${name} is not beside the package; with a bundler, import net from 'gradlens/weights/${name}', and load(net) ` +
      `(${cause.message})`,
    { ...cause.detail, model: name },
    { cause },
  );

/** What a bundler does that does not follow the addresses in a module: the files stay where they were. */
const notFollowed = (cause: GradlensError): GradlensError =>
  new GradlensError(
    cause.code,
    `${cause.message}; bundlers that do not follow new URL(…, import.meta.url), as esbuild and Bun, leave a net ` +
      "behind: copy its folder from gradlens/weights/ beside the page, and load('NET/model.json')",
    cause.detail,
    { cause },
  );

/** Graphs of ONNX files are called `torch_jit`, `main_graph` and the like: their file's name says more. */
function calledAs(file: ModelFile, name = ''): ModelFile {
  const stem = name.replace(/\.onnx$/i, '');
  return stem === '' ? file : { ...file, graph: { ...file.graph, name: stem } };
}

/** The bytes of a model's own file, and how the files that it names are found. */
interface Found {
  readonly bytes: Uint8Array;
  /** Of the file. */
  readonly name?: string;
  readonly beside: (needed: NeededFile) => Promise<Uint8Array>;
}

// ── by address ──

async function fromAddress(address: URL, fetchBytes: FetchBytes, options: ReadOptions): Promise<Found> {
  const { expected: _, ...run } = options;
  const within = new URL('.', address);
  return {
    bytes: await fetchBytes(address, options),
    name: lastPartOf(address),
    beside({ path, ...expected }) {
      const relative = path.split('/').map(encodeURIComponent).join('/');
      return fetchBytes(new URL(relative, address), { ...run, within, expected });
    },
  };
}

function lastPartOf({ pathname }: URL): string {
  const part = pathname.slice(pathname.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // with a % of its own
  }
}

/** Bundlers give files other names and folders than they had beside each other. */
async function fromTwoAddresses(net: NetAddresses, fetchBytes: FetchBytes, options: ReadOptions): Promise<Found> {
  const { expected: _, ...run } = options;
  const [manifest, weights] = [addressOf(net.manifest), addressOf(net.weights)];
  return {
    bytes: await fetchBytes(manifest, options),
    beside: ({ path: _, ...expected }) => fetchBytes(weights, { ...run, expected }),
  };
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

// ── by content ──

async function fromFiles(files: readonly Blob[], { expected }: ReadOptions): Promise<Found> {
  const model = files.length === 1 ? files[0]! : await modelAmong(files);
  return {
    bytes: await bytesOf(model, expected),
    ...(model instanceof File && { name: model.name }),
    beside: ({ path }) => bytesOf(fileOf(files, path)),
  };
}

/** A name for messages. */
const nameOf = (file: Blob): string => (file instanceof File ? file.name : 'the model');

/** Bytes alone have no files beside them. */
const besideNothing: Found['beside'] = async ({ path }) => bytesOf(fileOf([], path));

/** The one file that is a model. @throws GradlensError `model-format` */
async function modelAmong(files: readonly Blob[]): Promise<Blob> {
  const formats = await Promise.all(files.map(recogniseFile));
  const models = files.filter((_, i) => formats[i] === 'onnx' || formats[i] === 'manifest');
  // weights are any bytes at all, and so may look like a model
  const named = models.filter((file) => /\.(onnx|json)$/i.test(nameOf(file)));
  const [model, second] = models.length > 1 && named.length > 0 ? named : models;
  if (model && !second) return model;
  if (second)
    throw formatError(
      `${models.map(nameOf).join(', ')} are ${models.length} models; choose one, together with its weights`,
    );
  const other = files.findIndex((_, i) => formats[i] !== 'unknown');
  const format = formats[other];
  if (format === undefined || format === 'onnx' || format === 'manifest')
    throw formatError(`none of ${files.map(nameOf).join(', ')} is an ONNX model or a gradlens model.json`);
  throw formatError(`${nameOf(files[other]!)} ${DESCRIPTIONS[format]}`);
}

async function bytesOf(file: Blob, expected?: ExpectedFile): Promise<Uint8Array> {
  if (file.size > MOST_FILE_BYTES)
    throw formatError(`${nameOf(file)} has ${file.size} bytes; at most ${MOST_FILE_BYTES} are read`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const fault = expected && (await (await import('./download')).faultOf(bytes, expected));
  if (fault) throw formatError(`${nameOf(file)} ${fault}`);
  return bytes;
}

/** Files that a user chose have no folders: only the last part of a path counts. */
function fileOf(files: readonly Blob[], path: string): Blob {
  const wanted = path.slice(path.lastIndexOf('/') + 1);
  const [file, second] = files.filter((file) => file instanceof File && file.name === wanted);
  if (!file) throw missing(wanted);
  if (second) throw formatError(`its weights are in '${wanted}', of which there are two`, { file: wanted });
  return file;
}

const missing = (file: string): GradlensError =>
  formatError(`its weights are in '${file}', which was not given with it; choose both files`, { file });

// ── kinds of sources ──

const isModelFile = (source: ModelSource): source is ModelFile =>
  typeof source === 'object' && 'graph' in source && 'labels' in source;
const isGraph = (source: ModelSource): source is Graph => typeof source === 'object' && 'nodes' in source;
const isNetAddresses = (source: ModelSource): source is NetAddresses =>
  typeof source === 'object' && 'manifest' in source;
const isFiles = (source: ModelSource): source is readonly File[] => Array.isArray(source);

/** Whether the engine reads it from a file: then nobody else holds its numbers. */
export const isRead = (source: ModelSource): boolean =>
  typeof source === 'string' ||
  source instanceof URL ||
  source instanceof Blob ||
  isFiles(source) ||
  isNetAddresses(source);

/** Downloads, with progress and errors that name the address; nothing is kept. */
export const fetchAnew: FetchBytes = async (address, options) => {
  const { download } = await import('./download');
  return download(address, options, undefined);
};

/** Downloads, with progress and errors that name the address; weights are kept in the browser's cache. */
export const fetchOverHttp: FetchBytes = async (address, options) => {
  const { browserCache, download } = await import('./download');
  return download(address, options, isKept(address) ? browserCache() : undefined);
};

/** Manifests are small, and say by their checksum whether the kept weights are theirs. */
export const isKept = ({ pathname, protocol }: URL): boolean =>
  /^https?:$/.test(protocol) && !pathname.endsWith('.json');
