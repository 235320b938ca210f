/** Flags of every command that runs over pictures. */
import type { ArgsDef } from 'citty';

export const picturesArgument = {
  image: {
    type: 'positional',
    required: false, // there is --list
    description:
      "files, folders (with all below), quoted patterns ('a/**/*.jpg'), tar shards ('s-{000..146}.tar', .tar.gz " +
      'too), arrays (.npy, .npz); - reads a list from stdin',
  },
} as const satisfies ArgsDef;

export const manyOptions = {
  list: { type: 'string', valueHint: 'FILE', description: 'a list of pictures, one a line, beside those named' },
  index: {
    type: 'string',
    valueHint: 'FILE.jsonl',
    description:
      'a line of JSON for every picture, those that fail too (default for more than files named one by one: ' +
      'COMMAND.jsonl in the folder of the outputs)',
  },
  resume: { type: 'boolean', description: 'do what the index lacks' },
  shard: {
    type: 'string',
    valueHint: 'I/N',
    description:
      'every N-th file or tar from number I on, 0 to N-1 (default: as SLURM_ARRAY_TASK_ID and _COUNT, or ' +
      'JOB_COMPLETION_INDEX and JOB_COMPLETIONS say; none: all)',
  },
  batch: { type: 'string', valueHint: 'N', description: 'pictures in one run of the model (default: by its memory)' },
  workers: {
    type: 'string',
    valueHint: 'N',
    description: 'threads that decode and encode (default: cores and two more)',
  },
} as const satisfies ArgsDef;

export type ManyArgs = { readonly [name in Exclude<keyof typeof manyOptions, 'resume'>]?: string | undefined } & {
  readonly resume?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly driver?: string | undefined;
  readonly _: readonly string[];
};
