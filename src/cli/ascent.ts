/** Flags of what is climbed by gradient ascent, and what they say to the library. */
import type { ArgsDef } from 'citty';
import { CLASS_MODEL_PRESETS, type ClassModelOptions, type ClassModelPreset } from '../index';
import { numberOption } from './args';

const NUMBERS = [
  ['iterations', 'iterations', 'steps of ascent'],
  ['l2', 'l2', 'λ, weight of ‖I‖², in the same units as the step'],
  ['step', 'step', "how far a step moves, as root mean square; 1 is photos' standard deviation, for every network"],
  ['total-variation', 'totalVariation', "weight of the lengths of the image's own gradient"],
  ['momentum', 'momentum', 'how much of the last move is in the next'],
  ['noise', 'noise', 'standard deviation of the noise that the picture begins with, in the same units'],
  ['jitter', 'jitter', 'up to how many pixels the image is shifted before each gradient'],
  ['rotate', 'rotate', 'up to how many degrees it is turned before each gradient'],
  ['zoom', 'zoom', 'up to which part of its size it is drawn larger or smaller before each gradient'],
  ['blur', 'blur', 'standard deviation in pixels of a blur now and then'],
  ['blur-every', 'blurEvery', 'iterations between two blurs'],
  ['seed', 'seed', 'of what is drawn: noise, shifts, turns and zooms'],
] as const;

type NumberFlag = (typeof NUMBERS)[number][0];

const FROM_ONE: ReadonlySet<NumberFlag> = new Set(['iterations', 'blur-every']);
const WHOLE: ReadonlySet<NumberFlag> = new Set(['iterations', 'jitter', 'blur-every', 'seed']);

const presets = Object.keys(CLASS_MODEL_PRESETS) as ClassModelPreset[];

/** Of the presets one is what is left out means. */
export const ascentOptions = (preset: ClassModelPreset) =>
  ({
    preset: {
      type: 'enum',
      options: presets,
      default: preset,
      description:
        'what the options below are if left out; paper has what the paper has, the others what later work found',
    },
    parametrisation: {
      type: 'enum',
      options: ['pixels', 'fourier'],
      description: 'what a step is taken in: the pixels, or cosines as large as in photos (default: the preset’s)',
    },
    ...(Object.fromEntries(
      NUMBERS.map(([option, , description]) => [option, { type: 'string', valueHint: 'X', description }]),
    ) as Record<NumberFlag, { type: 'string'; valueHint: string; description: string }>),
  }) as const satisfies ArgsDef;

type AscentArgs = { readonly [flag in 'preset' | 'parametrisation' | NumberFlag]?: string | undefined };

/** The preset and what was given beside it. @throws UsageError */
export function ascentOf(args: AscentArgs): Omit<ClassModelOptions, 'class'> {
  const numbers = NUMBERS.flatMap(([flag, name]) => {
    const text = args[flag];
    if (text === undefined) return [];
    return [[name, numberOption(flag, text, FROM_ONE.has(flag) ? 1 : 0, 1e6, WHOLE.has(flag))]];
  });
  return {
    preset: args.preset as ClassModelPreset,
    ...(args.parametrisation !== undefined && {
      parametrisation: args.parametrisation as 'pixels' | 'fourier',
    }),
    ...Object.fromEntries(numbers),
  };
}

/** For each remark of a picture. */
export const ADVICE = {
  flat: 'the picture is nearly of one colour: a larger --step, more --iterations or a smaller --l2 shows more',
  exploded: 'most of the picture is far beyond black and white: a smaller --step or a larger --l2 holds it',
};
