/** The bytes of a model's own file, of whatever format, and what else must be there before it can be read. */
import type { Graph, ModelFile, ReadingOptions } from '../graph';
import { formatError } from './checks';
import { DESCRIPTIONS, recogniseFormat } from './recognise';
import { scored } from './scores';

/** A model whose own file was understood, and which waits for the files that its weights lie in. */
export interface OpenedModel {
  /** None where the file is whole. */
  readonly files: readonly NeededFile[];
  /**
   * The model. May be called once.
   * @param files the bytes of `files`, by their paths
   * @param options what the file leaves open
   */
  read(files: ReadonlyMap<string, Uint8Array>, options: ReadingOptions): Promise<ModelFile>;
}

/** A file, and what is known of it beforehand. */
export interface NeededFile {
  /** Relative to the model's folder, and inside of it. */
  readonly path: string;
  readonly bytes?: number;
  readonly sha256?: string;
}

/**
 * Each format is loaded when a file of it comes: ONNX brings its protobuf library.
 * @throws GradlensError `model-format` for what is no model, saying what it is; else as the format's reader
 */
export async function openModel(bytes: Uint8Array): Promise<OpenedModel> {
  const format = recogniseFormat(bytes);
  switch (format) {
    case 'onnx': {
      const { openOnnx } = await import('./onnx');
      const model = openOnnx(bytes);
      return {
        files: model.externalFiles.map((path) => ({ path })),
        async read(files, options) {
          const { extents, ...read } = model.read(files, options);
          return withLabels(scored(read, extents));
        },
      };
    }
    case 'manifest': {
      const { readManifest, readNative } = await import('./native');
      const manifest = readManifest(bytes);
      const { file, ...expected } = manifest.weights;
      return {
        files: [{ path: file, ...expected }],
        read: (files, options) => {
          refuseOptions(options, 'a model.json leaves nothing open');
          return readNative(manifest, files.get(file) ?? new Uint8Array());
        },
      };
    }
    default:
      throw formatError(`this ${DESCRIPTIONS[format]}`);
  }
}

/** @throws GradlensError `model-format` for an option of {@link ReadingOptions} where there is nothing to say */
export function refuseOptions({ size, output, fixed }: ReadingOptions, why: string): void {
  const given = Object.entries({ size, output, fixed }).find(([, value]) => value !== undefined);
  if (given) throw formatError(`the option ${given[0]} is for ONNX files; ${why}`, { option: given[0] });
}

const IMAGENET_CLASSES = 1000;

/**
 * ImageNet's 1000 classes, in the order that all nets trained on them share; so that is what 1000 scores without names
 * are taken to be.
 */
async function withLabels(file: ModelFile): Promise<ModelFile> {
  if (file.labels.length > 0 || classesOf(file.graph) !== IMAGENET_CLASSES) return file;
  const { default: labels } = await import('./imagenet.json'); // 12 kB that most models do not need
  return { ...file, labels, provenance: { ...file.provenance, labels: 'ImageNet’s, since there are 1000 scores' } };
}

/** Of the last layer with weights; undefined where it does not follow from that. */
function classesOf({ nodes, weights }: Graph): number | undefined {
  const last = nodes.findLast(({ op }) => op === 'conv' || op === 'fullyConnected');
  return last && 'weight' in last ? weights.get(last.weight)?.shape[0] : undefined;
}
