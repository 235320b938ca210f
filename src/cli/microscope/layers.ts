/** What is looked at: layers of a net, and channels of each. */
import { tensorsOf } from '../../compile';
import { readableStagesOf } from '../../compile/readable';
import { endOf } from '../../graph';
import type { ModelFile } from '../../index';
import { UsageError } from '../failure';
import { classOf } from '../models';

export interface Layer {
  /** As addresses have it. */
  readonly name: string;
  readonly tensor: string;
  /** Its pictures', in the folder of all. */
  readonly folder: string;
  readonly height: number;
  readonly width: number;
  /** In ascending order. */
  readonly channels: readonly number[];
  /** Of the channels by their numbers, where they are classes that have names. */
  readonly labels: readonly string[];
}

export interface Wanted {
  /** Names of tensors, with commas between them. */
  readonly layers?: string | undefined;
  /** Of each layer. */
  readonly channels?: string | undefined;
  /** Classes are channels of the last tensor. */
  readonly classes?: string | undefined;
}

/** The name of the layer of classes. */
const CLASSES = 'classes';

/**
 * The wanted layers in the net's order; where nobody says which, all stages that the net goes through, and its classes.
 *
 * @throws UsageError for a tensor that is not there, and for channels or classes that no layer has
 */
export function layersOf({ graph, labels }: ModelFile, { layers, channels, classes }: Wanted): readonly Layer[] {
  const tensors = tensorsOf(graph);
  const { score } = endOf(graph.nodes, graph.output);
  const isAll = layers === undefined && classes === undefined;
  const stages = readableStagesOf(graph).map(({ tensor }) => tensor);
  const names = layers?.split(',') ?? (isAll ? stages.filter((name) => name !== score) : []);
  const unknown = names.find((name) => !tensors.some((tensor) => tensor.name === name));
  if (unknown !== undefined)
    throw new UsageError(
      `--layers has '${unknown}'; the stages end in ${stages.join(', ')}, and gradlens inspect lists all tensors`,
    );
  const chosen = tensors.flatMap(({ name, C, H, W }, k): Layer[] => {
    if (!names.includes(name)) return [];
    const own = channels === undefined ? [...range(0, C - 1)] : numbersIn('channels', channels, C);
    const folder = folderOf(name, tensors.slice(0, k));
    return own.length === 0 ? [] : [{ name, tensor: name, folder, height: H, width: W, channels: own, labels: [] }];
  });
  if (chosen.length === 0 && names.length > 0)
    throw new UsageError(`--channels is '${channels}'; no layer has one of these`);
  const last = tensors.find(({ name }) => name === score);
  if (!last || !(isAll || classes !== undefined)) return chosen;
  const own =
    classes === undefined || classes === 'all' ? [...range(0, last.C - 1)] : classesIn(classes, last.C, labels);
  const { H: height, W: width } = last;
  return [...chosen, { name: CLASSES, tensor: score, folder: CLASSES, height, width, channels: own, labels }];
}

function* range(from: number, to: number): Generator<number> {
  for (let k = from; k <= to; k++) yield k;
}

/** `0-9,12`: those below `count`. */
function numbersIn(option: string, text: string, count: number): number[] {
  const numbers = text.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (from === undefined || Number(to) < Number(from))
      throw new UsageError(`--${option} is '${text}'; numbers and ranges, such as 0-9,12, would be right`);
    return [...range(Number(from), Math.min(Number(to), count - 1))].filter((k) => k < count);
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Numbers, ranges and names. */
function classesIn(text: string, count: number, labels: readonly string[]): number[] {
  const numbers = text.split(',').flatMap((part): readonly number[] => {
    const [, from, to] = /^(\d+)-(\d+)$/.exec(part) ?? [];
    const some = from === undefined ? [classOf(part, labels)] : [...range(Number(from), Number(to))];
    const wrong = some.find((one) => one === 'top1' || one >= count);
    if (wrong !== undefined || some.length === 0)
      throw new UsageError(`--classes has '${part}'; there are ${count} classes, 0 to ${count - 1}, and all`);
    return some as number[];
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** A name that every file system takes; told apart from those before it. */
function folderOf(name: string, before: readonly { readonly name: string }[]): string {
  const safe = (text: string): string =>
    text.replace(/[^\p{L}\p{N}_.]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '') || 'layer';
  const taken = before.filter((other) => safe(other.name).toLowerCase() === safe(name).toLowerCase()).length;
  const isReserved = [CLASSES, 'photos'].includes(safe(name).toLowerCase());
  return taken > 0 || isReserved ? `${safe(name)}-${taken + 1}` : safe(name);
}
