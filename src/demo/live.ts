/** The camera's frames and their maps, one after the other, on the saliency tab. */
import type { Heatmap, InputSpec } from '../index';
import { type Pixels, toPixels } from '../image/pixels';
import { chosenClass, current, pictureText } from './current';
import { type Extent, drawMap, drawPixels } from './draw/paint';
import { watchCamera } from './inputs/camera';
import { type Picture, readPicture } from './inputs/pictures';
import { look } from './maps';
import { ensureNetwork } from './network';
import { sayLive, showAnswer } from './parts/answer';
import { showClasses, showSeen } from './parts/classPanel';
import { showDoubt } from './parts/doubt';
import { element } from './parts/elements';
import { duration, showActivity } from './parts/messages';
import { chosenMethod, chosenValues } from './parts/methodFields';
import { markSample } from './parts/sampleRow';
import { state } from './state';
import { paintLegend, paintOverlay, showTitles, shownAs } from './tabs/saliency';
import type { Tab } from './tabs/tab';
import { describeMap } from './words';
import { instead } from './work';
import { call } from './worker/remote';

const parts = {
  button: element('camera', HTMLButtonElement),
  picture: element('picture', HTMLImageElement),
  pictureText: element('picture-text', HTMLElement),
  video: element('video', HTMLVideoElement),
  map: element('map', HTMLCanvasElement),
  cancel: element('cancel', HTMLButtonElement),
  time: element('status-time', HTMLElement),
};

/**
 * The frame whose map is shown, by its bytes: where Chromium draws on the CPU, it keeps a megabyte each time that a
 * video is drawn on a canvas.
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
  const { input } = await ensureNetwork(signal);
  const asked = current.wish;
  const began = state.maps;
  let shownAt = -Infinity;
  try {
    await watchCamera(
      parts.video,
      {
        started: () => {
          current.wish = null;
          for (const tab of tabs) tab.clear();
          showClasses([], null);
          showDoubt([]);
          showSeen(null);
          markSample(undefined);
          showLive(true);
          state.camera = { frames: 0 };
        },
        frame: async (frame) => {
          const since = performance.now();
          const extent = { width: parts.video.videoWidth, height: parts.video.videoHeight };
          const pixels = await toPixels(frame);
          const chosen = typeof current.wish === 'number' ? current.wish : 'top1';
          const [method, values] = [chosenMethod().name, chosenValues()];
          const found = await call('frame', { frame, chosen, method, values }, { signal, transfer: [frame] });
          signal.throwIfAborted();
          if (!found) return; // the GPU was lost, and is back
          const { map, best } = found;
          showFrame(map, { pixels, extent, input: input! });
          state.camera = { frames: state.camera!.frames + 1 };
          const took = duration(performance.now() - since);
          parts.time.textContent = took;
          if (performance.now() - shownAt < CLASSES_MILLISECONDS) return;
          shownAt = performance.now();
          showClasses(best, best.find(({ index }) => index === map.class) ?? null);
          sayLive(best[0]!);
          showActivity(`Live: a map of “${state.map!.label}” every ${took}`);
        },
      },
      signal,
    );
  } finally {
    if (state.camera) {
      state.camera = null;
      current.wish = asked;
      showLive(false);
      markSample(current.picture?.sample);
    }
    if (state.maps === began) {
      // a frame's map says nothing of the picture that is shown again
      if (state.map?.picture === CAMERA) for (const tab of tabs) tab.clear();
      showClasses(current.ranked, chosenClass());
      showAnswer();
      showDoubt(current.ranked);
    }
  }
}

/** What a frame's map has for the name of its picture. */
const CAMERA = 'camera';

interface Frame {
  readonly pixels: Pixels;
  readonly extent: Extent;
  readonly input: InputSpec;
}

/** The frame and its map, with all that is said of it. */
function showFrame(map: Heatmap, { pixels, extent, input }: Frame): void {
  state.map = shownAs(map, CAMERA);
  drawMap(parts.map, map, extent, input, look());
  paintLegend(map);
  showTitles();
  parts.map.setAttribute('aria-label', describeMap(map, state.map.label));
  drawPixels(still, pixels);
  paintOverlay(still, extent);
}

function showLive(live: boolean): void {
  document.body.toggleAttribute('data-live', live);
  parts.button.setAttribute('aria-pressed', String(live));
  parts.button.textContent = live ? 'Keep this picture' : 'Camera';
  parts.cancel.textContent = live ? 'Stop the camera' : 'Cancel';
  parts.picture.hidden = live;
  parts.video.hidden = !live;
  parts.pictureText.textContent = live ? 'Live: frames go to the network and nowhere else.' : pictureText();
  if (!live) parts.video.srcObject = null;
}

async function frameOf(video: HTMLVideoElement): Promise<Blob> {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext('2d')!.drawImage(video, 0, 0);
  return canvas.convertToBlob();
}
