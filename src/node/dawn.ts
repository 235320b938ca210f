/**
 * A WebGPU adapter in Node, through Dawn (npm `webgpu`): the system's GPU if it has one, else a Vulkan driver that runs
 * on the CPU (Linux): Mesa's lavapipe, or the SwiftShader that lies beside every Chrome and Chromium.
 *
 * The Vulkan loader reads its environment anew for every `create()`, inside the synchronous part of the first
 * `requestAdapter()`. So a driver is chosen by variables that are set for that moment only, a failed attempt does not
 * stand in the way of the next, and several drivers can live in one process.
 */
import { existsSync, readdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { GradlensError } from '../errors';
import { pollWithPauses } from './polling';

/** Vulkan drivers that run on the CPU. */
export type SoftwareDriver = 'lavapipe' | 'swiftshader';

/** Which WebGPU adapter, in Node. */
export interface NodeAdapterOptions {
  /** Take a driver that runs on the CPU if there is no GPU. Default: true. */
  readonly allowSoftware?: boolean;
  /**
   * This Vulkan driver and no other: by name, or by the path of its ICD manifest. Default: `$GRADLENS_VULKAN`, else
   * whatever there is.
   */
  readonly icd?: SoftwareDriver | (string & {});
  /** Hears, in a sentence, that the CPU will do the work and through which driver. */
  readonly onNotice?: (message: string) => void;
}

/**
 * An adapter, and the names of WebGPU (`GPUBufferUsage` …) as globals. Adapter and devices stay reachable until the
 * process ends. With a driver that runs on the CPU, a global `setImmediate` that lets Dawn pause between its questions
 * takes the place of Node's; other callers see no difference.
 *
 * @throws GradlensError `no-webgpu` without the package `webgpu`, `no-adapter` without a driver, `software-adapter`
 *   with one that was not allowed.
 * @example
 * ```ts
 * import { Engine } from 'gradlens';
 * import { fetchInNode, requestNodeAdapter } from 'gradlens/node';
 *
 * const adapter = await requestNodeAdapter();
 * const device = await adapter.requestDevice(); // yours
 * const engine = await Engine.create({ device, adapter, fetchBytes: fetchInNode });
 * engine.dispose();
 * device.destroy();
 * ```
 */
export async function requestNodeAdapter(options: NodeAdapterOptions = {}): Promise<GPUAdapter> {
  const { allowSoftware = true, icd = process.env['GRADLENS_VULKAN'] || undefined, onNotice } = options;
  const dawn = await importDawn();
  const refused: string[] = [];

  for (const manifest of icd ? manifestsOf(icd) : [SYSTEM, ...(allowSoftware ? softwareManifests() : [])]) {
    const adapter = await adapterOf(dawn, manifest);
    if (!adapter) continue;
    const { description, isFallbackAdapter } = adapter.info;
    if (isOutdated(description)) {
      refused.push(`${description} is too old (Mesa ${OLDEST_MESA} is the first that works)`);
    } else if (isFallbackAdapter && !allowSoftware) {
      const message = `the only WebGPU adapter runs on the CPU (${description}), which was not allowed`;
      throw new GradlensError('software-adapter', message, { description });
    } else {
      if (isFallbackAdapter) {
        onNotice?.(`no GPU in use: computing on the CPU with ${description}${manifest && ` (${manifest})`}`);
        pollWithPauses();
      }
      return adapter;
    }
  }
  const what = icd ? `no WebGPU adapter from the Vulkan driver "${icd}"` : 'no WebGPU adapter';
  throw new GradlensError('no-adapter', [what, ...refused, remedy()].join('; '), { icd, refused });
}

/** The software drivers of this machine, by name; whether one works shows only when it is asked for an adapter. */
export function softwareDrivers(): readonly SoftwareDriver[] {
  return (['lavapipe', 'swiftshader'] as const).filter((name) => manifestsOf(name).length > 0);
}

const OLDEST_MESA = 24;
/** The manifest that stands for leaving the choice to the Vulkan loader (or to Metal, or to Direct3D). */
const SYSTEM = '';

function isOutdated(description: string): boolean {
  const mesa = /^llvmpipe: Mesa (\d+)/.exec(description)?.[1];
  return mesa !== undefined && Number(mesa) < OLDEST_MESA;
}

function remedy(): string {
  return process.platform === 'linux'
    ? `install a Vulkan driver: the GPU's own, or one for the CPU: Mesa ≥ ${OLDEST_MESA} (the package ` +
        'mesa-vulkan-drivers; ' +
        'on Arch vulkan-swrast), or Chrome or Chromium, which bring SwiftShader'
    : "install or update the GPU's driver";
}

// ── where drivers lie ──

function manifestsOf(icd: string): readonly string[] {
  if (icd === 'lavapipe') return LAVAPIPE_FOLDERS.flatMap((folder) => filesIn(folder, /^lvp_icd.*\.json$/));
  if (icd === 'swiftshader') return browserFolders().flatMap((folder) => filesIn(folder, /^vk_swiftshader_icd\.json$/));
  if (existsSync(icd)) return [resolve(icd)];
  throw new GradlensError(
    'no-adapter',
    `"${icd}" is neither lavapipe nor swiftshader nor the path of a Vulkan ICD manifest`,
    { icd },
  );
}

function softwareManifests(): readonly string[] {
  return process.platform === 'linux' ? [...manifestsOf('lavapipe'), ...manifestsOf('swiftshader')] : [];
}

const LAVAPIPE_FOLDERS = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

function browserFolders(): readonly string[] {
  const named = [process.env['GRADLENS_CHROMIUM'], process.env['CHROME_PATH']].flatMap((path) =>
    path ? [dirname(path)] : [],
  );
  const cache = process.env['PUPPETEER_CACHE_DIR'] || join(homedir(), '.cache', 'puppeteer');
  const downloaded = filesIn(join(cache, 'chrome'), /^linux/)
    .reverse()
    .map((folder) => join(folder, 'chrome-linux64'));
  return [...named, ...BROWSER_FOLDERS, ...downloaded];
}

const BROWSER_FOLDERS = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/usr/lib64/chromium-browser',
  '/snap/chromium/current/usr/lib/chromium-browser',
  '/opt/google/chrome',
  '/opt/google/chrome-beta',
  '/opt/google/chrome-unstable',
  '/opt/microsoft/msedge',
];

function filesIn(folder: string, name: RegExp): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => name.test(file))
      .sort()
      .map((file) => join(folder, file));
  } catch {
    return [];
  }
}

// ── Dawn ──

type Dawn = typeof import('webgpu');

/**
 * Dawn corrupts memory when the garbage collector takes an object that is still at work, so nothing here is ever let
 * go.
 */
const kept: { readonly instances: Map<string, GPU>; readonly objects: unknown[] } = ((
  globalThis as Record<symbol, unknown>
)[Symbol.for('gradlens.dawn')] ??= { instances: new Map(), objects: [] }) as never;

function keep<T>(object: T): T {
  kept.objects.push(object);
  return object;
}

/** The names of WebGPU as globals, for a device that comes without them: that of the package `webgpu` does. */
export async function provideGlobals(): Promise<void> {
  if (!('GPUBufferUsage' in globalThis)) await importDawn();
}

async function importDawn(): Promise<Dawn> {
  let dawn: Dawn;
  try {
    dawn = await import('webgpu');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const why = missing
      ? 'Node has no WebGPU of its own'
      : `the package webgpu does not load on ${process.platform}-${process.arch} (${String(cause)})`;
    throw new GradlensError('no-webgpu', `${why}: npm install webgpu`, {}, { cause });
  }
  for (const [name, value] of Object.entries(dawn.globals)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
  return dawn;
}

async function adapterOf(dawn: Dawn, manifest: string): Promise<GPUAdapter | null> {
  let adapter = await request(dawn, manifest);
  // A machine without Vulkan has no loader either. A browser brings its own; once loaded, Dawn finds it by its name.
  if (
    !adapter &&
    basename(manifest) === 'vk_swiftshader_icd.json' &&
    loadLibrary(join(dirname(manifest), 'libvulkan.so.1'))
  ) {
    adapter = await request(dawn, manifest);
  }
  if (!adapter) return null;
  const requestDevice = adapter.requestDevice.bind(adapter);
  adapter.requestDevice = async (descriptor) => keep(await requestDevice(descriptor));
  return keep(adapter);
}

async function request(dawn: Dawn, manifest: string): Promise<GPUAdapter | null> {
  const pending = withVulkanDriver(manifest, () => {
    const instance = kept.instances.get(manifest) ?? keep(dawn.create([]));
    kept.instances.set(manifest, instance);
    return instance.requestAdapter({ powerPreference: 'high-performance' });
  });
  const adapter = await pending;
  // It has made up its mind; another time a driver may have been installed.
  if (!adapter) kept.instances.delete(manifest);
  return adapter;
}

function withVulkanDriver<T>(manifest: string, work: () => T): T {
  if (process.platform === 'linux') process.env['XDG_RUNTIME_DIR'] ||= tmpdir(); // Mesa complains without it
  if (manifest === SYSTEM) return work();
  const names = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES']; // the new name, and the one of loaders before 1.3.207
  const before = names.map((name) => process.env[name]);
  try {
    for (const name of names) process.env[name] = manifest;
    return work();
  } finally {
    names.forEach((name, i) => (before[i] === undefined ? delete process.env[name] : (process.env[name] = before[i])));
  }
}

/**
 * Loads a shared library for good. `process.dlopen` is for add-ons: finding none it throws and, but for RTLD_NODELETE,
 * unloads.
 */
function loadLibrary(path: string): boolean {
  if (!existsSync(path)) return false;
  const RTLD_LAZY = 0x1;
  const RTLD_NODELETE = 0x1000;
  try {
    process.dlopen({ exports: {} }, path, RTLD_LAZY | RTLD_NODELETE);
  } catch {
    // "Module did not self-register"
  }
  return true;
}
