/**
 * What a contender asks of WebGPU, counted at the door: the methods of the API are wrapped, for everyone alike, so
 * nobody has to report on itself. Importing this module wraps them; it must happen before any device is asked for.
 */

export interface Counts {
  readonly dispatches: number;
  readonly submits: number;
  readonly passes: number;
  /** Bytes in buffers now, over all devices. */
  readonly liveBytes: number;
  /** The most there were since {@link resetPeak}. */
  readonly peakBytes: number;
}

const counts = { dispatches: 0, submits: 0, passes: 0, liveBytes: 0, peakBytes: 0 };

/** Buffers that are alive, by device: a device that is destroyed takes its buffers along. */
const buffersOf = new WeakMap<GPUDevice, Set<GPUBuffer>>();
const deviceOf = new WeakMap<GPUBuffer, GPUDevice>();

export const countsNow = (): Counts => ({ ...counts });

export function resetPeak(): void {
  counts.peakBytes = counts.liveBytes;
}

let installed = false;

/** Wraps the API, once. In Node its names have to be globals first. */
export function installCounters(): void {
  if (installed || typeof GPUDevice === 'undefined') return;
  installed = true;
  wrap(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', () => {
    counts.dispatches++;
  });
  wrap(GPUComputePassEncoder.prototype, 'dispatchWorkgroupsIndirect', () => {
    counts.dispatches++;
  });
  wrap(GPUCommandEncoder.prototype, 'beginComputePass', () => {
    counts.passes++;
  });
  wrap(GPUQueue.prototype, 'submit', () => {
    counts.submits++;
  });
  wrap(GPUDevice.prototype, 'createBuffer', (device, buffer) => {
    const alive = buffersOf.get(device) ?? new Set();
    buffersOf.set(device, alive.add(buffer));
    deviceOf.set(buffer, device);
    counts.liveBytes += buffer.size;
    counts.peakBytes = Math.max(counts.peakBytes, counts.liveBytes);
  });
  wrap(GPUBuffer.prototype, 'destroy', (buffer) => {
    const device = deviceOf.get(buffer);
    if (device && buffersOf.get(device)?.delete(buffer)) counts.liveBytes -= buffer.size;
  });
  wrap(GPUDevice.prototype, 'destroy', (device) => {
    for (const buffer of buffersOf.get(device) ?? []) counts.liveBytes -= buffer.size;
    buffersOf.delete(device);
  });
}

function wrap<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  after: (self: T, result: T[K] extends (...args: never[]) => infer R ? R : never) => void,
): void {
  const original = prototype[name] as (...args: unknown[]) => never;
  Object.defineProperty(prototype, name, {
    configurable: true,
    writable: true,
    value(this: T, ...args: unknown[]) {
      const result = original.apply(this, args);
      after(this, result);
      return result;
    },
  });
}
