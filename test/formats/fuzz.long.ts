/** The fuzzing of `npm test`, of a hundred thousand cases; `FUZZ_SEED` chooses others. */
process.env['FUZZ_RUNS'] ??= '100000';
await import('./fuzz.test');
await import('./fuzzText.test');

export {};
