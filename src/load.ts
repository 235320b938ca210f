/** From whatever names a model to a {@link ModelFile}. */
import { GradlensError } from './errors';
import { parseManifest, readNative } from './formats/native';
import { recogniseFormat } from './formats/recognise';
import type { Graph, ModelFile } from './graph';
import type { RunOptions } from './options';

/**
 * A `model.json` or `.onnx` file by address or content, a graph that a program built, or the files that a user chose (a `model.json`
 * together with its weights).
 */
export type ModelSource = URL | string | Blob | ArrayBuffer | Uint8Array | Graph | ModelFile | readonly File[];

/** Fetches the bytes at an address, reporting the download. The host's: `fetch` in browsers, files too in Node. */
export type FetchBytes = (address: URL, options: RunOptions) => Promise<Uint8Array>;

/** @throws GradlensError `network`, `model-format`, `unsupported-op` */
export async function loadModelFile(source: ModelSource, fetchBytes: FetchBytes, options: RunOptions): Promise<ModelFile> {
  if (isModelFile(source)) return source;
  if (isGraph(source)) return { graph: source, labels: [], provenance: {} };
  if (typeof source === 'string' || source instanceof URL) {
    const address = addressOf(source);
    const bytes = await fetchBytes(address, options);
    return decode(bytes, (file) => fetchBytes(new URL(file, address), options), options);
  }
  if (isFiles(source)) {
    const files = await Promise.all(source.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })));
    const main = files.find(({ bytes }) => ['manifest', 'onnx'].includes(recogniseFormat(bytes)));
    if (!main) throw new GradlensError('model-format', `none of ${files.map(({ name }) => name).join(', ')} is an ONNX model or a gradlens model.json`);
    return decode(main.bytes, async (name) => beside(files, name), options);
  }
  const bytes = source instanceof Blob ? new Uint8Array(await source.arrayBuffer()) : source instanceof Uint8Array ? source : new Uint8Array(source);
  return decode(bytes, async (name) => beside([], name), options);
}

/** Relative addresses count from the page, or in Node from the working directory. */
function addressOf(source: string | URL): URL {
  const { document, location, process } = globalThis as Partial<typeof globalThis>;
  const base = document?.baseURI ?? location?.href ?? (process?.cwd ? `file:///${process.cwd().replace(/\\/g, '/').replace(/^\//, '')}/` : undefined);
  try {
    return new URL(source, base);
  } catch (cause) {
    throw new GradlensError('network', `'${source}' is no address of a model`, { source }, { cause });
  }
}

async function decode(bytes: Uint8Array, fetchBeside: (name: string) => Promise<Uint8Array>, { signal, onProgress }: RunOptions): Promise<ModelFile> {
  signal?.throwIfAborted();
  onProgress?.({ phase: 'parse', done: 0, total: bytes.byteLength });
  switch (recogniseFormat(bytes)) {
    case 'onnx': {
      const { readOnnx } = await import('./formats/onnx'); // its protobuf library is loaded only when needed
      return readOnnx(bytes);
    }
    case 'manifest': {
      const manifest = parseManifest(parseJson(bytes));
      return readNative(manifest, await fetchBeside(manifest.weights.file));
    }
    case 'safetensors':
      throw new GradlensError('model-format', 'this is a safetensors file, which holds weights only; choose its model.json (together with it)');
    default:
      throw new GradlensError('model-format', 'this is neither an ONNX model nor a gradlens model.json');
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new GradlensError('model-format', `model.json is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {}, { cause });
  }
}

function beside(files: readonly { readonly name: string; readonly bytes: Uint8Array }[], name: string): Uint8Array {
  const file = files.find((other) => other.name === name);
  if (!file) throw new GradlensError('model-format', `its weights are in '${name}', which was not given with it; choose both files`, { file: name });
  return file.bytes;
}

const isModelFile = (source: ModelSource): source is ModelFile => typeof source === 'object' && 'graph' in source && 'labels' in source;
const isGraph = (source: ModelSource): source is Graph => typeof source === 'object' && 'nodes' in source;
const isFiles = (source: ModelSource): source is readonly File[] => Array.isArray(source);

/** `fetch`, with progress and with errors that name the address. */
export const fetchOverHttp: FetchBytes = async (address, { signal, onProgress }) => {
  let response: Response;
  try {
    response = await fetch(address, signal ? { signal } : {});
  } catch (cause) {
    signal?.throwIfAborted();
    throw new GradlensError('network', `${address.href} cannot be fetched: ${cause instanceof Error ? cause.message : String(cause)}`, { address: address.href }, { cause });
  }
  if (!response.ok || !response.body) throw new GradlensError('network', `${address.href}: the server answered ${response.status}`, { address: address.href, status: response.status });
  const length = Number(response.headers.get('content-length'));
  const total = Number.isFinite(length) && length > 0 && !response.headers.get('content-encoding') ? { total: length } : {};
  const pieces: Uint8Array[] = [];
  let done = 0;
  for (const reader = response.body.getReader(); ; ) {
    const piece = await reader.read();
    if (piece.done) break;
    pieces.push(piece.value);
    done += piece.value.byteLength;
    onProgress?.({ phase: 'download', done, ...total });
  }
  const bytes = new Uint8Array(done);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
};
