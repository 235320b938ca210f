/** The flags that methods bring to the commands that make maps. */
import { describe, expect, test } from 'vitest';
import { METHODS } from '../../src';
import { common } from '../../src/cli/args';
import { mapMakerOf, methodOptions } from '../../src/cli/methods';
import { classOption, modelOption, prepOption } from '../../src/cli/models';
import { localise } from '../../src/cli/localise';
import { manyOptions, picturesArgument } from '../../src/cli/many/options';
import { saliency } from '../../src/cli/saliency';
import { sanity } from '../../src/cli/sanity';
import { segment, segmentationOptions } from '../../src/cli/segment';

test('are one for each option, and say whose they are', () => {
  const names = new Set(METHODS.flatMap(({ options }) => Object.keys(options)));
  expect(new Set(Object.keys(methodOptions))).toEqual(new Set(['method', ...names]));
  expect(methodOptions.samples).toMatchObject({
    valueHint: 'N',
    description:
      'of integrated-gradients: steps of the path; of smoothgrad: how many maps of noisy copies are averaged ' +
      '(default: 32)',
  });
  expect(methodOptions.relu).toMatchObject({
    valueHint: 'gradient|deconvnet|guided',
    description: 'of saliency or smoothgrad: how ReLUs pass the gradient back (default: gradient)',
  });
  for (const { name } of METHODS.slice(1)) expect(methodOptions.method.description).toContain(name);
});

test('none has the name of another flag of these commands', () => {
  const shared = {
    ...picturesArgument,
    ...manyOptions,
    ...modelOption,
    ...prepOption,
    ...classOption,
    ...segmentationOptions,
    ...common,
  };
  expect(Object.keys(methodOptions).filter((name) => Object.hasOwn(shared, name))).toEqual([]);
  for (const { args } of [saliency, sanity, segment, localise]) expect(args).toMatchObject(methodOptions);
});

describe('values', () => {
  test('are read by their kind; those left out are at their defaults', () => {
    expect(mapMakerOf({}).parameters).toEqual({ method: 'saliency', relu: 'gradient', views: 1, channels: 'max-abs' });
    expect(mapMakerOf({ views: '10', relu: 'guided' })).toMatchObject({
      batch: 10,
      parameters: { method: 'saliency', relu: 'guided', views: 10, channels: 'max-abs' },
    });
    expect(mapMakerOf({}, 'layers').parameters).toEqual({ method: 'layers' });
    expect(mapMakerOf({ method: 'layers', tensors: 'a,b' }).parameters).toEqual({
      method: 'layers',
      tensors: ['a', 'b'],
    });
    expect(mapMakerOf({ method: 'grad-cam', tensor: 'a' }).parameters).toEqual({ method: 'grad-cam', tensor: 'a' });
    expect(mapMakerOf({ method: 'smoothgrad', samples: '5', noise: '0.25' })).toMatchObject({
      batch: 8,
      parameters: { method: 'smoothgrad', samples: 5, noise: 0.25 },
    });
  });

  test.each([
    [{ method: 'gradcam' }, "--method is 'gradcam'; it can be saliency, occlusion"],
    [{ relu: 'leaky' }, "--relu is 'leaky'; it can be gradient, deconvnet, guided"],
    [{ views: '5' }, "--views is '5'; it can be 1, 10"],
    [{ method: 'smoothgrad', samples: '2.5' }, "--samples is '2.5'; it can be a whole number from 1 to 1000000"],
    [{ method: 'smoothgrad', noise: 'x' }, "--noise is 'x'"],
    [{ method: 'grad-cam', relu: 'gradient' }, '--relu goes with --method saliency or smoothgrad, not grad-cam'],
    [{ tensors: 'a' }, '--tensors goes with --method layers or layer-cam or features, not saliency'],
  ])('%o is refused', (args, message) => {
    expect(() => mapMakerOf(args)).toThrow(message);
  });
});
