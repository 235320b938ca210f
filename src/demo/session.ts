/** An engine with one model on it, for as long as its device lives. */
import { Engine, GradlensError, type InputSpec, Model, type ModelSource, type RunOptions } from '../index';
import { elements } from './elements';
import { showProgress } from './messages';
import { state } from './state';

export interface Session {
  readonly engine: Engine;
  readonly model: Model;
}

const DEFAULT_MODEL = new URL('weights/imagenette-128/model.json', document.baseURI);

let source: ModelSource = DEFAULT_MODEL;
let starting: Promise<Session> | undefined;
let current: Session | undefined;
let onLost: (error: GradlensError) => void = () => {};

export const currentSession = (): Session | undefined => current;

/** The session, started at the first call, and started anew if that failed for a reason that may pass. */
export function session(): Promise<Session> {
  starting ??= start();
  return starting;
}

/** Calls `listener` when the browser loses the GPU. */
export function listenForLoss(listener: (error: GradlensError) => void): void {
  onLost = listener;
}

/** Gives the engine back; the next call of {@link session} starts another. */
export function endSession(): void {
  const ended = current;
  current = starting = undefined;
  state.check = null;
  ended?.engine.dispose();
}

async function start(): Promise<Session> {
  const began = performance.now();
  let engine: Engine | undefined;
  try {
    engine = await Engine.create();
    const model = await loadPrepared(engine, source, { onProgress: showProgress });
    state.milliseconds.load = performance.now() - began;
    void engine.lost.then(({ reason, message }) => {
      if (current?.engine === engine) onLost(new GradlensError('device-lost', message || reason));
    });
    return become({ engine, model });
  } catch (error) {
    engine?.dispose();
    if (!(error instanceof GradlensError && unavailable(error))) starting = undefined;
    throw error;
  }
}

/** Puts a visitor's model in the place of the one that is there. */
export async function replaceModel(files: readonly File[], signal: AbortSignal): Promise<void> {
  const { engine, model: old } = await session();
  const model = await loadPrepared(engine, files, { signal, onProgress: (progress) => signal.aborted || showProgress(progress) });
  if (signal.aborted) return model.dispose();
  source = files;
  starting = Promise.resolve(become({ engine, model }));
  old.dispose();
}

/** A model that does not say how pictures are prepared (ONNX has no place for it) is taken to be torchvision's, and the page says so. */
async function loadPrepared(engine: Engine, from: ModelSource, options: RunOptions): Promise<Model> {
  const model = await engine.load(from, options);
  if (model.input) return model;
  const [, C, height, width] = model.inputShape;
  model.dispose();
  const [mean, std] = C === 1 ? [[0.5], [0.5]] : [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
  const input: InputSpec = { width, height, channels: C === 1 ? 1 : 3, order: 'RGB', resize: 'squash', scale: 1 / 255, mean, std };
  return engine.load(from, { ...options, input });
}

function become(session: Session): Session {
  current = session;
  const { engine: { environment: { adapter } }, model } = session;
  const [, , H, W] = model.inputShape;
  const assumed = source instanceof URL || model.provenance['format'] !== 'onnx' ? '' : '; the file does not say how pictures are prepared, so torchvision’s way is taken';
  elements.statusModel.textContent = `${model.name}, ${model.classes} classes, sees ${W}×${H}${assumed}`;
  const name = adapter.description || [adapter.vendor, adapter.architecture].filter(Boolean).join(' ') || 'without a name';
  elements.statusAdapter.textContent = adapter.isFallbackAdapter ? `⚠ ${name}: software, computes on the CPU; right, but slow` : name;
  elements.statusAdapter.className = adapter.isFallbackAdapter ? 'warn' : '';
  return session;
}

/** The self-test, once per device. */
export async function checkOnce({ engine }: Session): Promise<void> {
  const { statusCheck } = elements;
  if (state.check) return;
  statusCheck.textContent = 'running';
  try {
    state.check = await engine.check();
    statusCheck.textContent = state.check.message;
    statusCheck.className = state.check.ok ? '' : 'bad';
  } catch (error) {
    statusCheck.textContent = `failed: ${error instanceof Error ? error.message : String(error)}`;
    statusCheck.className = 'bad';
  }
}

/** Why there is no WebGPU and what a visitor can do about it; undefined for every other error. */
export function unavailable({ code, message }: { readonly code: string; readonly message: string }): string | undefined {
  switch (code) {
    case 'no-webgpu':
      return 'This browser has no WebGPU.\nOpen the page in Chrome or Edge 113, Firefox 141, Safari 26, or a later one. Chrome on Linux may need chrome://flags/#enable-unsafe-webgpu.';
    case 'insecure-context':
      return 'WebGPU needs a secure page.\nOpen it by an https address or, on the machine that serves it, by localhost.';
    case 'no-adapter':
      return `${message}\nTurn on graphics acceleration in the browser’s settings, update the graphics driver, and restart the browser.`;
    default:
      return undefined;
  }
}
