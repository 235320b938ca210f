/** What lies beside a model that says more of it, as Hugging Face keeps it: how pictures are prepared, and names. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { labelsIn } from '../formats/labels';
import type { Extents, InputSpec, ModelFile } from '../index';
import type { Session } from './session';

/** In the model's folder, or in the one above: `onnx/model.onnx`. */
function find(model: string, name: string): string | undefined {
  const folder = dirname(model);
  return [join(folder, name), join(folder, '..', name)].find((path) => existsSync(path));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A file's JSON; undefined where there is none, or it is no object. */
function read(
  model: string,
  name: string,
  { files }: Session,
): { path: string; json: Record<string, unknown> } | undefined {
  const path = find(model, name);
  const json = path === undefined ? undefined : files.json(path);
  return path !== undefined && isObject(json) ? { path, json } : undefined;
}

/**
 * An ONNX file with what `preprocessor_config.json` and `config.json` beside it say, where the file does not say it
 * itself; each is noted.
 *
 * @param model the path of the file
 */
export function withBeside(file: ModelFile, model: string, session: Session): ModelFile {
  if (file.provenance['format'] !== 'onnx') return file;
  const prepared = file.input ? undefined : read(model, 'preprocessor_config.json', session);
  const input = prepared && inputOf(prepared.json, file.graph.input.extents);
  const config = file.labels.length > 0 && !file.provenance['labels'] ? undefined : read(model, 'config.json', session);
  const labels = config && 'id2label' in config.json ? labelsIn(config.json) : undefined;
  if (input) session.note(`pictures are prepared as ${prepared.path} says`);
  if (labels) session.note(`the classes are named as ${config!.path} says`);
  return { ...file, ...(input && { input }), ...(labels && { labels }) };
}

/** Undefined where it does not fit the network. */
function inputOf(json: Record<string, unknown>, { C, H, W }: Extents): InputSpec | undefined {
  const threeOf = (value: unknown, otherwise: number): readonly number[] | undefined => {
    if (value === undefined) return [otherwise, otherwise, otherwise];
    const isThree = Array.isArray(value) && value.length === 3 && value.every((one) => Number.isFinite(one));
    return isThree ? (value as number[]) : undefined;
  };
  const normalizes = json['do_normalize'] !== false;
  const mean = threeOf(normalizes ? json['image_mean'] : undefined, 0);
  const std = threeOf(normalizes ? json['image_std'] : undefined, 1);
  const factor = json['rescale_factor'] ?? 1 / 255;
  const scale = json['do_rescale'] === false ? 1 : factor;
  if (C !== 3 || !mean || !std || typeof scale !== 'number') return undefined;
  const { size } = json;
  const crops = json['do_center_crop'] === true || 'crop_pct' in json || (isObject(size) && 'shortest_edge' in size);
  return {
    width: W,
    height: H,
    channels: 3,
    order: json['do_flip_channel_order'] === true ? 'BGR' : 'RGB',
    scale,
    mean,
    std,
    resize: crops ? 'crop' : 'squash',
  };
}
