/**
 * What a test or a suite needs that not every machine has. Where it is missing they are skipped, and the run counts
 * them and says why; a skip without a reason counts as failed (scripts/tally.mjs).
 *
 *     test('…', DATA, async () => …)     describe('…', needs(process.platform === 'linux', 'reads /proc'), () => …)
 */
declare module 'vitest' {
  interface TaskMeta {
    /** Why it is skipped. */
    skipped?: string;
  }
}

export const needs = (there: boolean, otherwise: string) => (there ? {} : { skip: true, meta: { skipped: otherwise } });

/** Where photographs, weights and reference gradients lie; empty if they are not there. */
export const data = process.env['GRADLENS_DATA'] ?? '';

export const DATA = needs(data !== '', 'no GRADLENS_DATA, the folder of photographs, weights and reference gradients');
