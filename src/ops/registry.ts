/** All operators. Written by `npm run generate` from the records in this folder: edit those. */
import { affine, batchNorm } from './affine';
import { averagePool, globalAveragePool } from './averagePool';
import { concat, flatten, reshape, transpose } from './channels';
import { constant } from './constant';
import { conv } from './conv';
import { convTranspose } from './convTranspose';
import { curves } from './curves';
import { add, multiply, relu } from './elementwise';
import { formulas } from './formulas';
import { fullyConnected } from './fullyConnected';
import { lrn } from './lrn';
import { matMul } from './matMul';
import { globalMaxPool, maxPool } from './maxPool';
import { normalize } from './normalize';
import { permute } from './permute';
import { reduce } from './reduce';
import { cumulate, expand, gather, pad, resize, slice } from './separable';
import { identity } from './simplified';
import { logSoftmax, softmax } from './softmax';
import { take } from './take';

export const ops = {
  affine,
  batchNorm,
  averagePool,
  globalAveragePool,
  concat,
  flatten,
  reshape,
  transpose,
  constant,
  conv,
  convTranspose,
  ...curves,
  add,
  multiply,
  relu,
  ...formulas,
  fullyConnected,
  lrn,
  matMul,
  globalMaxPool,
  maxPool,
  normalize,
  permute,
  reduce,
  cumulate,
  expand,
  gather,
  pad,
  resize,
  slice,
  identity,
  logSoftmax,
  softmax,
  take,
};
