/**
 * Whether video frames go to the GPU as they are. Only trying tells, and trying may kill: where the libraries of a
 * desktop are missing, Chromium's GPU process dies when it copies a frame to a texture on a software adapter.
 */
import type { Environment } from '../environment';
import { GradlensError } from '../errors';

/** Once a first copy took the device with it, frames go by bytes for as long as the page or the worker lives. */
let isFatal = false;
let isSettled = false;

/**
 * Lets `copy` bring a frame, and tells what it tells: whether that was possible. Software adapters are not asked: there
 * a copy to the GPU is one to the CPU anyway.
 */
export async function asking({ adapter }: Environment, copy: () => Promise<boolean>): Promise<boolean> {
  if (isFatal || adapter.isFallbackAdapter) return false;
  try {
    const brought = await copy();
    isSettled = true;
    return brought;
  } catch (error) {
    if (error instanceof GradlensError && error.code === 'device-lost') isFatal = !isSettled;
    throw error;
  }
}
