/** How an engine comes to a device. */
import { GradlensError } from '../errors';

/** What an engine asks of a device of its own, where the adapter has it; everything runs without. */
const OPTIONAL_FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];

/** @throws GradlensError `no-webgpu`, `insecure-context`, `no-adapter` */
export async function adapterOf(
  gpu: GPU = webgpuOfHost(),
  powerPreference: GPUPowerPreference = 'high-performance',
): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (!adapter)
    throw new GradlensError(
      'no-adapter',
      'WebGPU is there, but it offers no adapter: the graphics driver may be blocked or too old. ' +
        'chrome://gpu tells the reason.',
    );
  return adapter;
}

/**
 * A device with the adapter's own limits on buffers.
 *
 * @throws GradlensError `software-adapter`, `no-adapter`
 */
export async function deviceOf(adapter: GPUAdapter, allowSoftware: boolean): Promise<GPUDevice> {
  if (adapter.info.isFallbackAdapter && !allowSoftware) {
    throw new GradlensError(
      'software-adapter',
      `the only adapter is ${adapter.info.description || adapter.info.vendor}, which computes on the CPU`,
      { adapter: adapter.info.description },
    );
  }
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  try {
    return await adapter.requestDevice({
      label: 'gradlens',
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
      requiredFeatures: OPTIONAL_FEATURES.filter((feature) => adapter.features.has(feature)),
    });
  } catch (cause) {
    throw new GradlensError(
      'no-adapter',
      `the adapter gives no device: ${cause instanceof Error ? cause.message : String(cause)}`,
      {},
      { cause },
    );
  }
}

function webgpuOfHost(): GPU {
  if (typeof navigator !== 'undefined' && navigator.gpu) return navigator.gpu;
  if (typeof isSecureContext !== 'undefined' && !isSecureContext) {
    throw new GradlensError('insecure-context', 'WebGPU needs a secure page: serve it over https, or from localhost.');
  }
  throw new GradlensError(
    'no-webgpu',
    'This browser has no WebGPU. Chrome or Edge 113, Safari 26 and Firefox 141 have it; ' +
      'in Node use createNodeEngine from gradlens/node.',
  );
}
