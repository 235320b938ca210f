/** All operators. Written by `npm run generate` from the records in this folder: edit those. */
import { affine, batchNorm } from './affine';
import { averagePool, globalAveragePool } from './averagePool';
import { concat, flatten, reshape, transpose } from './channels';
import { constant } from './constant';
import { conv } from './conv';
import { curves } from './curves';
import { add, multiply, relu } from './elementwise';
import { fullyConnected } from './fullyConnected';
import { lrn } from './lrn';
import { globalMaxPool, maxPool } from './maxPool';
import { permute } from './permute';
import { expand, pad, reduce, resize, slice } from './separable';
import { identity } from './simplified';
import { logSoftmax, softmax } from './softmax';

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
  ...curves,
  add,
  multiply,
  relu,
  fullyConnected,
  lrn,
  globalMaxPool,
  maxPool,
  permute,
  expand,
  pad,
  reduce,
  resize,
  slice,
  identity,
  logSoftmax,
  softmax,
};
