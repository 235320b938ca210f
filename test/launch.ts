/** Chromium, whose WebGPU is SwiftShader's, so that the tests of pages mean the same on every machine. */
import puppeteer, { type Browser } from 'puppeteer';
import { findChromium } from '../scripts/system.mjs';

const FORGIVING = '--disable-domain-blocking-for-3d-apis';

const FLAGS = [
  '--no-sandbox', // Chromium's sandbox does not work for root, as which containers run
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-gpu-process-crash-limit', // a page may lose the GPU any number of times,
  FORGIVING, // and gets it back
  '--use-fake-device-for-media-stream', // a camera that shows a turning pie, and asks nobody
  '--use-fake-ui-for-media-stream',
];

/**
 * With these Chromium draws its pages by SwiftShader too, without which no video reaches WebGPU, and a canvas that
 * WebGPU drew to costs it the device. Slower.
 */
export const VIDEO_FLAGS = [
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=vulkan',
  '--ignore-gpu-blocklist',
];

export const protocolTimeout = 240_000;

/** Chromium as visitors have it: from the second loss of the GPU on it gives none to the page for minutes. */
export const launchUnforgiving = (): Promise<Browser> => start(FLAGS.filter((flag) => flag !== FORGIVING));

/** @throws Error where there is no Chromium */
export const launch = (more: readonly string[] = []): Promise<Browser> => start([...FLAGS, ...more]);

async function start(args: string[]): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath)
    throw new Error('no Chromium: run npm test, which gets one, or set GRADLENS_CHROMIUM to its program');
  return puppeteer.launch({ executablePath, headless: true, args, protocolTimeout });
}
