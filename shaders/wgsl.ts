import { wgsl as preprocess } from 'wgsl-preprocessor/wgsl-preprocessor.js';

/** What a template may hold: extents and flags, or a whole line of WGSL. */
export type Hole = string | number | boolean;

const DIRECTIVE = '\u0001';

/**
 * The template tag of every shader: `wgsl-preprocessor` (`#if ${flag}` / `#elif ${flag}` / `#else` / `#endif`), typed,
 * and refusing a hole that would print as `undefined` or `NaN`.
 */
export function wgsl(strings: TemplateStringsArray, ...holes: readonly Hole[]): string {
  holes.forEach((hole, i) => {
    if (hole === undefined || hole === null || (typeof hole === 'number' && !Number.isFinite(hole))) {
      throw new Error(`WGSL hole ${i} is ${hole}, after "${strings[i]!.slice(-40)}"`);
    }
  });
  // A line that only holds a directive leaves no empty line behind.
  const marked = strings.map((text) => text.replaceAll('\n#', `\n${DIRECTIVE}#`));
  const code = preprocess(Object.assign(marked, { raw: marked }), ...holes);
  return code.replace(new RegExp(`${DIRECTIVE}\n?`, 'g'), '');
}
