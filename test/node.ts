/**
 * WebGPU devices in Node, by driver. Two Vulkan drivers live side by side in one process (src/node/dawn.ts; tried with
 * their devices computing at the same time), so a test takes each in turn, and needs no run of its own for the second:
 *
 *     describe.each(nodeDrivers)('on %s', (driver) => { … await nodeDevice(driver) … });
 */
import { requestNodeAdapter, softwareDrivers } from '../src/node/dawn';
import { SHARE_OF_RUNS } from './runs';

export type NodeDriver = 'system' | 'lavapipe' | 'swiftshader';

/** This machine's drivers, a GPU first. `system` is what Vulkan, Metal or Direct3D offers by itself. */
export const nodeDrivers: readonly NodeDriver[] = await driversOfThisMachine();

/**
 * The driver on which samples do where another one sees all cases: lavapipe, which takes thrice as long as SwiftShader
 * to compile a kernel.
 */
export const isSampled = (driver: NodeDriver): boolean => driver === 'lavapipe' && nodeDrivers.length > 1;

/** How much of what is drawn at random is tried on a driver. */
export const shareOn = (driver: NodeDriver): number => SHARE_OF_RUNS / (isSampled(driver) ? 3 : 1);

/**
 * Where kernels are tried that only GPUs choose. lavapipe compiles each of them for ten seconds; another driver, where
 * there is one, takes the same WGSL. `npm run test:long` tries all.
 */
export const driversForGpuKernels: readonly NodeDriver[] =
  SHARE_OF_RUNS === 1 ? nodeDrivers : [nodeDrivers.find((each) => !isSampled(each))!];

async function driversOfThisMachine(): Promise<readonly NodeDriver[]> {
  const chosen = process.env['GRADLENS_VULKAN'];
  if (chosen) {
    await requestNodeAdapter(); // which brings WebGPU's constants, too
    return [chosen === 'lavapipe' || chosen === 'swiftshader' ? chosen : 'system'];
  }
  const software = process.platform === 'linux' ? softwareDrivers() : [];
  const gpu = await requestNodeAdapter({ allowSoftware: false }).catch(() => undefined);
  return gpu || software.length === 0 ? ['system', ...software] : software;
}

export type Features = 'all' | 'none';

/**
 * A new device for a test to lend to an engine, with all features of its adapter or none, and WebGPU's default limits.
 */
export async function nodeDevice(
  driver: NodeDriver = nodeDrivers[0]!,
  features: Features = 'all',
): Promise<{ device: GPUDevice; adapter: GPUAdapter }> {
  const adapter = await requestNodeAdapter(driver === 'system' ? {} : { icd: driver });
  const requiredFeatures = features === 'all' ? ([...adapter.features] as GPUFeatureName[]) : [];
  return { device: await adapter.requestDevice({ label: driver, requiredFeatures }), adapter };
}
