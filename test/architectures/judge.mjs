/** What becomes of an architecture of files/ in an engine: for the test, and for report.mjs. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'files');

/** All of them, by the alphabet. */
export const names = readdirSync(folder)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.replace('.onnx', ''));

/**
 * `right`: scores and gradient are those of float64 within the file's tolerance. `refused`: by a typed error, in whose
 * `words` it says why. Everything else is `wrong`.
 *
 * @typedef {'right' | 'refused' | 'wrong'} Verdict
 *
 * @param {import('../../src/engine').Engine} engine
 * @param {string} name
 * @returns {Promise<{ verdict: Verdict, words: string }>}
 */
export async function judge(engine, name) {
  const answer = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  const data = Float32Array.from(new Int8Array(bytes(`${name}.input`)), (value) => value / 32);
  const input = { data, shape: answer.shape };
  /** @type {import('../../src/model').Model | undefined} */
  let model;
  try {
    model = await engine.load(bytes(`${name}.onnx`));
    const { scores, gradient, expected } = await gradientOf(model, input, answer);
    const errors = [relativeL2(scores, expected), relativeL2(gradient, new Float32Array(bytes(`${name}.gradient`)))];
    const [s, g] = errors.map((error) => error.toExponential(1));
    const right = errors.every((error) => error < answer.tolerance);
    return { verdict: right ? 'right' : 'wrong', words: `scores ${s}, gradient ${g}` };
  } catch (error) {
    const { name: kind, code, message } = /** @type {Error & { code?: string }} */ (error);
    return { verdict: kind === 'GradlensError' ? 'refused' : 'wrong', words: `${code ?? kind}: ${message}` };
  } finally {
    model?.dispose();
  }
}

/**
 * Of a class's score; of a map of scores, the one at `place`, which is all that is compared then.
 *
 * @param {import('../../src/model').Model} model
 * @param {{ data: Float32Array, shape: number[] }} input
 * @param {{ class: number, place?: number[], scores: number[], scoresShape: number[] }} answer
 */
async function gradientOf(model, input, { class: index, place, scores, scoresShape }) {
  if (!place) return { expected: scores, ...(await model.inputGradient(input, { class: index })) };
  const at = [0, index, ...place].reduce((sum, coordinate, axis) => sum * scoresShape[axis] + coordinate, 0);
  const [y, x] = place.length > 1 ? place : [place[0], 0];
  const result = await model.inputGradient(input, { class: { tensor: 'scores', channel: index, y, x } });
  return { expected: [scores[at]], ...result };
}

/** @param {string} file */
function bytes(file) {
  return Uint8Array.from(readFileSync(join(folder, file))).buffer;
}

/**
 * @param {ArrayLike<number>} actual
 * @param {ArrayLike<number>} expected
 */
function relativeL2(actual, expected) {
  if (actual.length !== expected.length) return Infinity;
  const differences = Array.from(expected, (value, i) => actual[i] - value);
  return Math.hypot(...differences) / Math.hypot(...Array.from(expected));
}
