/** What the caller says of a model beside what its file says. */
import { GradlensError } from '../errors';
import { presetSpec } from '../formats/preparation';
import type { ModelFile } from '../graph';
import type { LoadOptions, Preparation } from '../options';

/**
 * The caller's word counts before the file's, and that before a guess, which is taken only if the caller asks for it.
 */
export function preparationOf({ graph, input, guess }: ModelFile, options: LoadOptions): Preparation | null {
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

export function labelsOf(file: ModelFile, options: LoadOptions, classes: number): readonly string[] {
  const labels = options.labels ?? file.labels;
  if (labels.length > 0 && labels.length !== classes)
    throw new GradlensError('shape', `there are ${labels.length} labels; the network has ${classes} classes`, {
      labels: labels.length,
      classes,
    });
  return labels;
}
