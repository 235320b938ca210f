/** What a plan asks of a device, against what the device has: before anything is allocated. */
import { type Kernel, bindingsOf } from '../../shaders/kernel';
import { GradlensError } from '../errors';
import type { Plan } from './plan';
import { extentBytes, extentOffsets } from './sizes';

/** The limits of a device that a plan can meet, by their names in WebGPU. */
export const PLAN_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxUniformBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupStorageSize',
] as const;

export type PlanLimits = Readonly<Record<(typeof PLAN_LIMITS)[number], number>>;

/** What is needed, and by whom. */
interface Need {
  readonly amount: number;
  /** A layer's step, or a buffer. */
  readonly who: string;
}

/** @throws GradlensError `limit`, naming the first limit that is too low, who needs more, and how much */
export function assertWithin(plan: Plan, limits: PlanLimits): void {
  const needs = needsOf(plan);
  for (const limit of PLAN_LIMITS) {
    const { amount, who } = needs[limit];
    if (amount > limits[limit])
      throw new GradlensError(
        'limit',
        `${who} needs ${amount} of ${limit}; this device has ${limits[limit]}` +
          (limit === 'maxBufferSize' || limit === 'maxStorageBufferBindingSize'
            ? '. A smaller batch, or a device that was asked for more, would do.'
            : '. A device that was asked for more would do.'),
        { limit, need: amount, have: limits[limit], layer: who },
      );
  }
}

function needsOf(plan: Plan): Readonly<Record<(typeof PLAN_LIMITS)[number], Need>> {
  const { buffers, scores, gradient } = plan;
  const steps = [...plan.forward, ...plan.backward];
  const kernels = steps.map(({ label, kernel }) => ({ who: label, kernel, size: workgroupSizeOf(kernel) }));
  const most = (needs: readonly Need[]): Need =>
    needs.reduce((a, b) => (b.amount > a.amount ? b : a), { amount: 0, who: plan.name });
  const ofKernels = (amount: (step: (typeof kernels)[number]) => number): Need =>
    most(kernels.map((step) => ({ who: step.who, amount: amount(step) })));
  const bound = buffers.map(({ name, bytes }) => ({ who: name, amount: bytes }));
  return {
    maxBufferSize: most([
      ...bound,
      { who: 'the extents of all steps', amount: extentOffsets(steps).at(-1)! },
      { who: 'the read-back', amount: scores.storage.bytes + gradient.bytes },
    ]),
    maxStorageBufferBindingSize: most(bound),
    maxUniformBufferBindingSize: ofKernels(extentBytes),
    maxStorageBuffersPerShaderStage: ofKernels(
      ({ kernel }) => bindingsOf(kernel).filter(({ type }) => type.endsWith('storage')).length,
    ),
    maxComputeWorkgroupsPerDimension: ofKernels(({ kernel }) => Math.max(...kernel.workgroups)),
    maxComputeInvocationsPerWorkgroup: ofKernels(({ size: [x, y, z] }) => x * y * z),
    maxComputeWorkgroupSizeX: ofKernels(({ size: [x] }) => x),
    maxComputeWorkgroupSizeY: ofKernels(({ size: [, y] }) => y),
    maxComputeWorkgroupStorageSize: ofKernels(({ kernel }) => workgroupBytesOf(kernel)),
  };
}

/** Invocations of a workgroup. */
function workgroupSizeOf({ source }: Kernel): readonly [x: number, y: number, z: number] {
  const [x = 1, y = 1, z = 1] = source.workgroupSize;
  return [x, y, z];
}

/** Bytes of workgroup memory, as the WGSL declares it. */
function workgroupBytesOf({ code }: Kernel): number {
  const arrays = code.matchAll(/var<workgroup>\s*\w+\s*:\s*array<(\w+),\s*(\d+)u?>/g);
  return [...arrays].reduce((sum, [, type, count]) => sum + Number(count) * (type!.startsWith('vec4') ? 16 : 4), 0);
}
