import { GradlensError } from '../errors';
import type { Graph, GraphNode, InputSpec, ModelFile } from '../graph';
import { formatError, MOST_MANIFEST_BYTES, quote, requireFinite } from './checks';
import modelSchema from './model.schema.json' with { type: 'json' };
import { DESCRIPTIONS, recogniseFormat } from './recognise';
import { readSafetensors } from './safetensors';
import { validate, type Schema } from './schema';
import { readStrictJson } from './strictJson';

/**
 * `model.json`: everything of a model but its weights, which lie in a safetensors file beside it. model.schema.json
 * says the same.
 */
export interface Manifest {
  readonly format: 'gradlens/1';
  readonly name: string;
  /** How a picture becomes the input, and the tensor that it becomes. */
  readonly input: InputSpec & { readonly tensor: string };
  /** The tensor of the class scores. */
  readonly output: string;
  readonly labels: readonly string[];
  /** The graph's nodes, as in `Graph`. */
  readonly nodes: readonly GraphNode[];
  /** `file` is a plain name, beside the manifest; `sha256` is in lower-case hexadecimal. */
  readonly weights: { readonly file: string; readonly bytes: number; readonly sha256: string };
  readonly provenance: Readonly<Record<string, unknown>>;
}

const LIMITS = { bytes: MOST_MANIFEST_BYTES, depth: 32, values: 500_000 };

/**
 * The manifest in the bytes of a `model.json`, which may be anything: answered within two seconds and 128 MB.
 * @throws GradlensError `model-format` where it is no JSON, beyond a limit, has a key twice, or as `parseManifest`
 */
export function readManifest(bytes: Uint8Array): Manifest {
  return parseManifest(readStrictJson(bytes, 'model.json', LIMITS));
}

/**
 * Checks a parsed `model.json` against model.schema.json, and that its nodes form a graph.
 * @throws GradlensError `model-format` with the field's path, what it is and what would be right.
 */
export function parseManifest(json: unknown): Manifest {
  validate(modelSchema as Schema, json, 'model.json');
  const manifest = json as Manifest;
  const { channels, mean, std } = manifest.input;
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values.length !== channels)
      throw fault(`input.${name}`, `has ${values.length} numbers; the input has ${channels} channels`);
  }
  checkWiring(manifest);
  return manifest;
}

/** Every name is written once, and before it is read. */
function checkWiring({ input, nodes, output }: Manifest): void {
  const written = new Set([input.tensor]);
  nodes.forEach(({ name, inputs }, i) => {
    const missing = inputs.find((tensor) => !written.has(tensor));
    if (missing !== undefined)
      throw fault(
        `nodes[${i}].inputs`,
        `reads ${quote(missing)} for ${quote(name)}; neither the input nor a node before it writes that`,
      );
    if (written.has(name))
      throw fault(`nodes[${i}].name`, `is ${quote(name)}, which is written already; names are unique`);
    written.add(name);
  });
  if (!written.has(output)) throw fault('output', `is ${quote(output)}, which no node writes`);
}

function fault(path: string, message: string): GradlensError {
  return formatError(`model.json: ${path} ${message}`, { path });
}

/**
 * The model of a manifest and the bytes of its weights file.
 * @throws GradlensError `model-format` where the bytes are not the manifest's (size, SHA-256), a weight is missing, or
 *   one is not finite;
 *   `insecure-context` where the page may not compute a SHA-256.
 */
export async function readNative(manifest: Manifest, weightBytes: ArrayBuffer | Uint8Array): Promise<ModelFile> {
  const {
    name,
    input,
    output,
    labels,
    nodes,
    weights: { file, bytes, sha256 },
    provenance,
  } = manifest;
  if (weightBytes.byteLength !== bytes)
    throw formatError(`${file}: has ${weightBytes.byteLength} bytes; the manifest says ${bytes}${hintAt(weightBytes)}`);
  const actual = await sha256Of(weightBytes);
  if (actual !== sha256) throw formatError(`${file}: its SHA-256 is ${actual}; the manifest says ${sha256}`);

  const weights = readSafetensors(weightBytes);
  for (const node of nodes) {
    for (const [role, weight] of weightsOf(node)) {
      if (weights.has(weight)) continue;
      throw formatError(
        `${file}: does not hold the weight ${quote(weight)}, which ${quote(node.name)} reads as its ${role}`,
        { weight },
      );
    }
  }
  for (const [weight, { data }] of weights) requireFinite(weight, data);
  const { tensor, ...spec } = input;
  const graph: Graph = {
    name,
    input: { name: tensor, extents: { C: spec.channels, H: spec.height, W: spec.width } },
    nodes,
    output,
    weights,
  };
  return { graph, input: spec, labels, provenance };
}

/** What came instead of weights, where that can be told. */
function hintAt(bytes: ArrayBuffer | Uint8Array): string {
  const format = recogniseFormat(bytes);
  return format === 'lfs-pointer' || format === 'html' ? `. It ${DESCRIPTIONS[format]}` : '';
}

/** The fields of a node that name weights, as the schema says: those that its operator has and the node states. */
function weightsOf(node: GraphNode): readonly (readonly [role: string, weight: string])[] {
  const schema = NODES.find(({ properties }) => properties['op']?.['const'] === node.op);
  const fields = Object.entries(node);
  return fields.filter(([role]) => schema?.properties[role]?.['$ref'] === '#/$defs/weight') as [string, string][];
}

/** The schemas of all nodes. */
const NODES: readonly { readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>> }[] =
  modelSchema.properties.nodes.items.oneOf;

/** In lower-case hexadecimal. @throws GradlensError `insecure-context` where the page may not compute it. */
export async function sha256Of(bytes: ArrayBuffer | Uint8Array): Promise<string> {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle;
  if (!subtle)
    throw new GradlensError(
      'insecure-context',
      'checking the weights needs crypto.subtle: serve the page over https or from localhost',
    );
  const digest = await subtle.digest('SHA-256', bytes as BufferSource);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The text of `model.json` for a model whose weights are to lie beside it.
 * @param weights the weights file's name, and its bytes as `writeSafetensors` made them.
 * @throws GradlensError `model-format` where the model has no input preparation, or the manifest would not pass
 *   `parseManifest`.
 */
export async function writeManifest(
  model: ModelFile,
  weights: { readonly file: string; readonly bytes: Uint8Array },
): Promise<string> {
  const { graph, input, labels, provenance } = model;
  const { C, H, W } = graph.input.extents;
  if (!input)
    throw formatError(`${graph.name}: has no input preparation; a manifest says how a picture becomes the input`);
  if (input.channels !== C || input.height !== H || input.width !== W) {
    throw formatError(
      `${graph.name}: prepares ${input.channels}×${input.height}×${input.width}; its graph takes ${C}×${H}×${W}`,
    );
  }
  const manifest: Manifest = {
    format: 'gradlens/1',
    name: graph.name,
    input: { tensor: graph.input.name, ...input },
    output: graph.output,
    labels,
    nodes: graph.nodes,
    weights: { file: weights.file, bytes: weights.bytes.length, sha256: await sha256Of(weights.bytes) },
    provenance,
  };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  parseManifest(JSON.parse(text));
  return text;
}
