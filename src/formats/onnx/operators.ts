/** How ONNX's operators become nodes of ours: the entries of all files, by ONNX's name. */
import { arithmetic } from './arithmetic';
import { branching } from './branches';
import type { Operator } from './call';
import { constants } from './constants';
import { dense } from './dense';
import { functions } from './functions';
import { gridSampling } from './gridSample';
import { normalization } from './normalization';
import { passing } from './passing';
import { quantizing } from './quantizing';
import { reductions } from './reducing';
import { resizing } from './resize';
import { rewriting } from './rewritten';
import { shaping } from './shaping';
import { taking } from './taking';
import { unpooling } from './unpool';
import { windowed } from './windowed';

const FILES = [
  arithmetic,
  branching,
  constants,
  dense,
  functions,
  gridSampling,
  normalization,
  passing,
  quantizing,
  reductions,
  resizing,
  rewriting,
  shaping,
  taking,
  unpooling,
  windowed,
];

/** The forms of opsets 7 to 25; `older.ts` brings older ones there. What `fold/` knows of constants comes on top. */
export const operators: ReadonlyMap<string, Operator> = new Map(FILES.flatMap((entries) => Object.entries(entries)));
