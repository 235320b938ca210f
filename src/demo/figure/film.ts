/** A short film of a growing class model, recorded from a canvas by the browser. Loaded when a film is asked for. */
import { GradlensError } from '../../index';
import type { Pixels } from '../../image/pixels';
import { score } from '../words';
import type { Frame } from './reel';

/** How long it takes; the last picture then stands still. */
const SECONDS = 6;
const STILL_SECONDS = 1.5;
const PER_SECOND = 25;
const SIDE = 720;
const CAPTION = 96;

/** In the order of preference: Safari records MP4 alone. */
const TYPES = ['video/webm;codecs=vp9', 'video/webm;codecs=vp8', 'video/webm', 'video/mp4'];

const typeOf = (): string | undefined =>
  typeof MediaRecorder === 'undefined' ? undefined : TYPES.find((type) => MediaRecorder.isTypeSupported(type));

export interface Film {
  readonly blob: Blob;
  readonly ending: '.webm' | '.mp4';
  /** How many pictures it was drawn from. */
  readonly frames: number;
}

/**
 * Records in real time, so it takes as long as it lasts.
 *
 * @param tell is told the share that is recorded
 * @throws GradlensError `feature` where the browser records no films
 */
export async function filmOf(
  frames: readonly Frame[],
  {
    names,
    signal,
    tell,
  }: { readonly names: readonly string[]; readonly signal: AbortSignal; tell(share: number): void },
): Promise<Film> {
  const type = typeOf();
  if (!type) throw new GradlensError('feature', 'This browser records no films.');
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: SIDE, height: SIDE + CAPTION });
  const context = canvas.getContext('2d')!;
  const recorder = new MediaRecorder(canvas.captureStream(PER_SECOND), {
    mimeType: type,
    videoBitsPerSecond: 4_000_000,
  });
  const parts: Blob[] = [];
  recorder.addEventListener('dataavailable', ({ data }) => parts.push(data));
  const stopped = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
  const total = (SECONDS + STILL_SECONDS) * 1000;
  drawFrame(context, frames, 0, names);
  recorder.start();
  const began = performance.now();
  try {
    for (let at = 0; at < total; at = performance.now() - began) {
      signal.throwIfAborted();
      const share = Math.min(1, at / (SECONDS * 1000));
      drawFrame(context, frames, Math.round(share * (frames.length - 1)), names);
      tell(at / total);
      await new Promise((resolve) => setTimeout(resolve, 1000 / PER_SECOND));
    }
  } finally {
    recorder.stop();
  }
  await stopped;
  const ending = type.startsWith('video/mp4') ? '.mp4' : '.webm';
  return { blob: new Blob(parts, { type: type.replace(/;.*/, '') }), ending, frames: frames.length };
}

/** The pictures of one moment, and below them the scores up to then. */
function drawFrame(
  context: CanvasRenderingContext2D,
  frames: readonly Frame[],
  index: number,
  names: readonly string[],
): void {
  const { iteration, scores, pictures } = frames[index]!;
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, SIDE, SIDE + CAPTION);
  context.imageSmoothingQuality = 'high';
  const columns = Math.ceil(Math.sqrt(pictures.length));
  const cell = SIDE / columns;
  pictures.forEach((picture, item) => {
    const scale = cell / Math.max(picture.width, picture.height);
    context.drawImage(
      bitmapOf(picture),
      (item % columns) * cell,
      Math.floor(item / columns) * cell,
      picture.width * scale,
      picture.height * scale,
    );
  });
  context.fillStyle = '#1b2426';
  context.font = '600 26px system-ui, sans-serif';
  const title = names.length === 1 ? names[0]! : `${names.length} class models`;
  context.fillText(title, 16, SIDE + 38, SIDE - 32);
  context.fillStyle = '#586467';
  context.font = '20px system-ui, sans-serif';
  const mean = scores.reduce((sum, value) => sum + value, 0) / scores.length;
  const which = names.length === 1 ? 'score' : 'mean score';
  context.fillText(`step ${iteration}, ${which} ${score(mean)}. Made by gradlens`, 16, SIDE + 72, SIDE / 2);
  drawCurve(context, frames, index);
}

/** The mean score so far, in the lower right corner. */
function drawCurve(context: CanvasRenderingContext2D, frames: readonly Frame[], index: number): void {
  const means = frames.map(({ scores }) => scores.reduce((sum, value) => sum + value, 0) / scores.length);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const [left, top, width, height] = [SIDE / 2 + 40, SIDE + 14, SIDE / 2 - 60, CAPTION - 28];
  context.strokeStyle = '#0b6e75';
  context.lineWidth = 3;
  context.beginPath();
  for (let k = 0; k <= index; k++) {
    const x = left + (width * k) / Math.max(1, frames.length - 1);
    const y = top + height * (1 - (means[k]! - low) / Math.max(1e-6, high - low));
    if (k === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  context.stroke();
}

function bitmapOf({ data, width, height }: Pixels): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(new ImageData(Uint8ClampedArray.from(data), width, height), 0, 0);
  return canvas;
}
