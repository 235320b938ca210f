/** What the caller says of a model beside what its file says. */
import { GradlensError } from '../errors';
import { presetSpec } from '../formats/preparation';
import { check, oneOf } from '../check';
import { type Extents, type ModelFile, endOf } from '../graph';
import type { Head, LoadOptions, Preparation } from '../options';

/** All that a caller and a file say of a model together. */
export interface Settings {
  readonly preparation: Preparation | null;
  readonly labels: readonly string[];
  readonly head: Head;
}

/**
 * What a model is, once its file is read and compiled: `load` and `inspect` both ask here, and so agree.
 *
 * @throws GradlensError `shape`, `validation` for what makes the model unusable
 */
export function settingsOf(file: ModelFile, options: LoadOptions, { C, H, W }: Extents): Settings {
  if (H !== 1 || W !== 1)
    throw new GradlensError(
      'shape',
      `the scores '${file.graph.output}' are [${C}, ${H}, ${W}]; one number per class, [${C}], would be right ` +
        '(a global average pool at the end makes it so)',
      { output: file.graph.output },
    );
  return {
    preparation: preparationOf(file, options),
    labels: labelsOf(file, options, C),
    head: headOf(file, options, C),
  };
}

/**
 * The caller's word counts before the file's, and that before a guess, which is taken only if the caller asks for it.
 */
function preparationOf({ graph, input, guess }: ModelFile, options: LoadOptions): Preparation | null {
  const { extents } = graph.input;
  const chosen = ((): Preparation | null => {
    if (options.input) return { input: options.input, by: 'caller' };
    if (options.prep !== undefined && options.prep !== 'guess')
      return { input: presetSpec(options.prep, extents), by: 'caller', prep: options.prep };
    if (input) return { input, by: 'file' };
    return options.prep === 'guess' && guess ? { input: presetSpec(guess.prep, extents), by: 'guess', ...guess } : null;
  })();
  const spec = chosen?.input;
  if (spec && (spec.channels !== extents.C || spec.height !== extents.H || spec.width !== extents.W)) {
    throw new GradlensError(
      'shape',
      `pictures would be prepared as [${spec.channels}, ${spec.height}, ${spec.width}], the network takes ` +
        `[${extents.C}, ${extents.H}, ${extents.W}]`,
    );
  }
  return chosen;
}

/** In words, what a file may end in. */
const ENDS = { softmax: 'soft-max', logSoftmax: 'the logarithm of a soft-max', sigmoid: 'a sigmoid' } as const;
const KIND = oneOf('softmax', 'sigmoid', 'none');

/**
 * What makes probabilities of a model's scores: the caller's word counts before the file's end, and where nothing
 * stands there, the custom: several scores are meant for a soft-max, and one alone is a number that is no probability.
 */
function headOf({ graph, head: known }: ModelFile, options: LoadOptions, classes: number): Head {
  const { head: said } = options;
  check('head', said, { ...KIND, holds: (value) => value === undefined || KIND.holds(value) });
  if (said !== undefined) return { kind: said, by: 'caller', reason: 'the caller says so' };
  if (known) return known;
  const { op } = endOf(graph.nodes, graph.output);
  if (op) return { kind: op === 'sigmoid' ? op : 'softmax', by: 'file', reason: `the network ends in ${ENDS[op]}` };
  return classes === 1
    ? { kind: 'none', by: 'custom', reason: 'the network ends in one number, with nothing that makes it a probability' }
    : { kind: 'softmax', by: 'custom', reason: 'the network ends in scores, which soft-max makes probabilities of' };
}

function labelsOf(file: ModelFile, options: LoadOptions, classes: number): readonly string[] {
  const labels = options.labels ?? file.labels;
  if (labels.length > 0 && labels.length !== classes)
    throw new GradlensError('shape', `there are ${labels.length} labels; the network has ${classes} classes`, {
      labels: labels.length,
      classes,
    });
  return labels;
}
