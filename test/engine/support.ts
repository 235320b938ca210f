/** Engines for tests, and a device that tells what is asked of it. */
import { afterAll } from 'vitest';
import { Engine } from '../../src/engine';
import { type NodeDriver, nodeDevice } from '../node';

export * from './graphs';

type Opened = Awaited<ReturnType<typeof nodeDevice>>;

const opened: (() => void)[] = [];
afterAll(() => opened.forEach((close) => close()));

async function opening(driver: NodeDriver): Promise<Opened> {
  const made = await nodeDevice(driver);
  opened.push(() => made.device.destroy());
  return made;
}

/** A device of this test file, destroyed at its end. */
export const deviceOf = async (driver: NodeDriver): Promise<GPUDevice> => (await opening(driver)).device;

const shared = new Map<NodeDriver, Promise<Opened>>();

/** The one device that a file's tests share, so that each kernel is compiled once. */
export function sharedDevice(driver: NodeDriver): Promise<Opened> {
  const device = shared.get(driver) ?? opening(driver);
  shared.set(driver, device);
  return device;
}

/** A new engine on the shared device. */
export async function engineOn(driver: NodeDriver): Promise<Engine> {
  return Engine.create({ device: (await sharedDevice(driver)).device });
}

/** Sees every call to the device, its queue and its buffers' `mapAsync`, and decides what becomes of it. */
export type Witness = (name: string, call: () => unknown, args: readonly any[]) => unknown;

/** The same device, with a witness. */
export function witnessed(device: GPUDevice, witness: Witness): GPUDevice {
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        if (object === (device as object) && name === 'queue') return queue;
        const value = Reflect.get(object, name, object) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          witness(
            String(name),
            () => {
              const result = (value as (...args: unknown[]) => unknown).apply(object, args);
              if (name === 'createBuffer') watchMapping(result as GPUBuffer);
              return result;
            },
            args,
          );
      },
      set: (object, name, value) => Reflect.set(object, name, value, object),
    });
  const watchMapping = (buffer: GPUBuffer): void => {
    const mapAsync = buffer.mapAsync.bind(buffer);
    Object.defineProperty(buffer, 'mapAsync', {
      value: (...args: Parameters<GPUBuffer['mapAsync']>) => witness('mapAsync', () => mapAsync(...args), args),
    });
  };
  const queue = wrap(device.queue);
  return wrap(device);
}

/** A device that counts its calls by name. */
export function counted(device: GPUDevice): { device: GPUDevice; counts: Map<string, number> } {
  const counts = new Map<string, number>();
  return {
    counts,
    device: witnessed(device, (name, call) => {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return call();
    }),
  };
}
