/** Every command, by its name, in the order of the help. */
import type { CommandDef } from 'citty';
import { attack } from './attack';
import { bench } from './bench';
import { check } from './check';
import { classModel } from './classModel';
import { classify } from './classify';
import { convert } from './convert';
import { evaluate } from './evaluate';
import { gradient } from './gradient';
import { info } from './info';
import { inspect } from './inspect';
import { localise } from './localise';
import { merge } from './merge';
import { microscope } from './microscope/index';
import { saliency } from './saliency';
import { sanity } from './sanity';
import { segment } from './segment';

export const commands: Readonly<Record<string, CommandDef<any>>> = {
  saliency,
  'class-model': classModel,
  segment,
  localise,
  sanity,
  evaluate,
  attack,
  microscope,
  classify,
  gradient,
  merge,
  inspect,
  convert,
  check,
  info,
  bench,
};
