/** Live pictures: frames go from the camera to the network as they are, without a copy that this page could read. */
import { GradlensError } from '../../index';

/**
 * Shows the camera in `video` and calls `use.frame` with one frame after the other, each when the one before is done
 * with; it closes them. `use.started` is called once there is a camera. Ends when the signal aborts; the last picture
 * stays in `video` until its `srcObject` goes.
 *
 * @throws GradlensError `feature` if there is no camera, or the visitor or the browser forbids it
 */
export async function watchCamera(
  video: HTMLVideoElement,
  use: { readonly started: () => void; readonly frame: (frame: VideoFrame) => Promise<void> },
  signal: AbortSignal,
): Promise<void> {
  if (!navigator.mediaDevices?.getUserMedia || typeof VideoFrame === 'undefined')
    throw new GradlensError(
      'feature',
      'This browser gives pages no camera frames. Chrome, Edge and Safari do, on secure pages.',
    );
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: 'environment' },
    });
  } catch (cause) {
    const missing = cause instanceof DOMException && cause.name === 'NotFoundError';
    throw new GradlensError(
      'feature',
      missing
        ? 'No camera was found.'
        : 'The camera may not be used: allow it for this page in the browser’s settings, ' +
            'and see that no other program has it.',
      {},
      { cause },
    );
  }
  try {
    signal.throwIfAborted();
    use.started();
    video.srcObject = stream;
    await video.play();
    for (;;) {
      await nextFrame(video, signal);
      await use.frame(new VideoFrame(video));
    }
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

/** When the video shows another frame. Its listener goes with it: a camera may run for hours. */
function nextFrame(video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = (): void => {
      video.cancelVideoFrameCallback(handle);
      reject(signal.reason as Error);
    };
    const handle = video.requestVideoFrameCallback(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
