/** The bytes of a model's own file, of whatever format, and what else must be there before it can be read. */
import type { Graph, ModelFile } from '../graph';
import { formatError } from './checks';
import { DESCRIPTIONS, recogniseFormat } from './recognise';

/** A model whose own file was understood, and which waits for the files that its weights lie in. */
export interface OpenedModel {
  /** None where the file is whole. */
  readonly files: readonly NeededFile[];
  /**
   * The model. May be called once.
   * @param files the bytes of `files`, by their paths
   */
  read(files: ReadonlyMap<string, Uint8Array>): Promise<ModelFile>;
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
        read: (files) => withLabels(model.read(files)),
      };
    }
    case 'manifest': {
      const { readManifest, readNative } = await import('./native');
      const manifest = readManifest(bytes);
      const { file, ...expected } = manifest.weights;
      return {
        files: [{ path: file, ...expected }],
        read: (files) => readNative(manifest, files.get(file) ?? new Uint8Array()),
      };
    }
    default:
      throw formatError(`this ${DESCRIPTIONS[format]}`);
  }
}

const IMAGENET_CLASSES = 1000;

/**
 * ImageNet's 1000 classes, in the order that all nets trained on them share; so that is what 1000 scores without names
 * are taken to be.
 */
async function withLabels(file: ModelFile): Promise<ModelFile> {
  if (classesOf(file.graph) !== IMAGENET_CLASSES) return file;
  const { default: labels } = await import('./imagenet.json'); // 12 kB that most models do not need
  return { ...file, labels, provenance: { ...file.provenance, labels: 'ImageNet’s, since there are 1000 scores' } };
}

/** Of the last layer with weights; undefined where it does not follow from that. */
function classesOf({ nodes, weights }: Graph): number | undefined {
  const last = nodes.findLast(({ op }) => op === 'conv' || op === 'fullyConnected');
  return last && 'weight' in last ? weights.get(last.weight)?.shape[0] : undefined;
}
