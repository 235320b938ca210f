/** The camera's frames and their maps, one after the other, on the saliency tab. */
import { toPixels } from '../image/pixels';
import { chosenClass, current } from './current';
import { drawLegend, drawMap, drawPixels } from './draw/paint';
import { watchCamera } from './inputs/camera';
import { type Picture, readPicture } from './inputs/pictures';
import { look } from './maps';
import { ensureNetwork } from './network';
import { showClasses, showSeen } from './parts/classPanel';
import { element } from './parts/elements';
import { duration, showActivity } from './parts/messages';
import { type State, state } from './state';
import { paintOverlay } from './tabs/saliency';
import type { Tab } from './tabs/tab';
import { describeMap, l2Norm } from './words';
import { instead } from './work';
import { call } from './worker/remote';

const parts = {
  button: element('camera', HTMLButtonElement),
  picture: element('picture', HTMLImageElement),
  pictureText: element('picture-text', HTMLElement),
  video: element('video', HTMLVideoElement),
  map: element('map', HTMLCanvasElement),
  legend: element('legend', HTMLCanvasElement),
  low: element('legend-low', HTMLSpanElement),
  high: element('legend-high', HTMLSpanElement),
  time: element('status-time', HTMLElement),
};

/**
 * The frame whose map is shown, by its bytes: where Chromium draws on the CPU, it keeps a megabyte each time that a video
 * is drawn on a canvas.
 */
const still = document.createElement('canvas');

/** Rows that change faster cannot be clicked. */
const CLASSES_MILLISECONDS = 500;

/** Begins live maps; while they run, takes the frame that is there as the picture. */
export async function toggleCamera(
  tabs: readonly Tab[],
  open: (read: () => Promise<Picture>) => Promise<void>,
): Promise<void> {
  if (!state.camera) return instead((signal) => watch(tabs, signal));
  const frame = await frameOf(parts.video);
  return open(() => readPicture(frame, 'camera'));
}

async function watch(tabs: readonly Tab[], signal: AbortSignal): Promise<void> {
  const { labels, input } = await ensureNetwork(signal);
  current.wish = null;
  for (const tab of tabs) tab.clear();
  showSeen(null);
  showLive(true);
  state.camera = { frames: 0 };
  let shownAt = -Infinity;
  let shown: State['map'] = null;
  try {
    await watchCamera(
      parts.video,
      async (frame) => {
        const began = performance.now();
        const extent = { width: parts.video.videoWidth, height: parts.video.videoHeight };
        const pixels = await toPixels(frame);
        const found = await call(
          'frame',
          { frame, chosen: typeof current.wish === 'number' ? current.wish : 'top1' },
          { signal, transfer: [frame] },
        );
        signal.throwIfAborted();
        if (!found) return; // the GPU was lost, and is back
        const { map, best } = found;
        const label = labels[map.class] ?? String(map.class);
        state.map = shown = {
          ...map,
          label,
          method: 'saliency',
          relu: 'gradient',
          l2: l2Norm(map),
          picture: 'camera',
        };
        state.camera = { frames: state.camera!.frames + 1 };
        drawMap(parts.map, map, extent, input!, look());
        const { low, high } = drawLegend(parts.legend, map, look());
        parts.low.textContent = low;
        parts.high.textContent = high;
        parts.map.setAttribute('aria-label', describeMap(map, label));
        drawPixels(still, pixels);
        paintOverlay(still, extent);
        const took = duration(performance.now() - began);
        parts.time.textContent = took;
        if (performance.now() - shownAt < CLASSES_MILLISECONDS) return;
        shownAt = performance.now();
        showClasses(best, best.find(({ index }) => index === map.class) ?? null);
        showActivity(`Live: “${label}”, a map every ${took}. Keep this picture, or cancel to go back.`);
      },
      signal,
    );
  } finally {
    state.camera = null;
    showLive(false);
    if (state.map === shown) {
      // a frame's map says nothing of the picture that is shown again
      for (const tab of tabs) tab.clear();
      showClasses(current.ranked, chosenClass());
    }
  }
}

function showLive(live: boolean): void {
  document.body.toggleAttribute('data-live', live);
  parts.button.setAttribute('aria-pressed', String(live));
  parts.button.textContent = live ? 'Keep this picture' : 'Camera';
  parts.picture.hidden = live;
  parts.video.hidden = !live;
  if (live) parts.pictureText.textContent = 'Live. Frames go to the network and nowhere else.';
  else parts.video.srcObject = null;
}

async function frameOf(video: HTMLVideoElement): Promise<Blob> {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext('2d')!.drawImage(video, 0, 0);
  return canvas.convertToBlob();
}
