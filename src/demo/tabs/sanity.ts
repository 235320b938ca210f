/**
 * Whether the shown map tells anything: the same map of nets with weights drawn anew, and the deletion and insertion
 * curves.
 */
import type { PerturbationCurves } from '../../index';
import { current } from '../current';
import { drawCurves } from '../draw/chart';
import { drawMap } from '../draw/paint';
import { look, mapRequest } from '../maps';
import { element, make } from '../parts/elements';
import { showActivity, showProgress } from '../parts/messages';
import { state } from '../state';
import type { Randomised } from '../worker/jobs';
import { call } from '../worker/remote';

const parts = {
  results: element('sanity-results', HTMLDivElement),
  maps: element('sanity-maps', HTMLDivElement),
  curves: element('curves', HTMLDivElement),
  text: element('curves-text', HTMLParagraphElement),
};

/** The last layer, then all of them. */
const EVERY_LAYER = 1000;

export async function showSanity(signal: AbortSignal): Promise<void> {
  const { map } = state;
  if (!map) return;
  const options = { signal, onProgress: showProgress };
  showActivity('Taking pixels away, and bringing them in');
  const curves = await call('curves', { picture: current.picture!.id, map }, options);
  showActivity('The same map of nets with random weights');
  const randomised = await call('randomise', { ...mapRequest(map.class), map, layers: [1, EVERY_LAYER] }, options);
  state.sanity = { randomised, curves };
  parts.results.hidden = false;
  showRandomised(randomised);
  showCurves(curves);
  showActivity('Checked.');
}

export function clearSanity(): void {
  state.sanity = null;
  parts.results.hidden = true;
}

function showRandomised(made: readonly Randomised[]): void {
  parts.maps.replaceChildren(
    ...made.map(({ layers, map, correlation }) => {
      const canvas = make('canvas', { className: 'computed' });
      const what = layers === 1 ? 'Last layer drawn anew' : 'All layers drawn anew';
      canvas.setAttribute('role', 'img');
      canvas.setAttribute('aria-label', `${what}: rank correlation ${correlation.toFixed(2)} with the map above`);
      drawMap(canvas, map, current.picture!, state.network!.input!, look());
      return make(
        'figure',
        {},
        make('h4', { textContent: what }),
        make('div', { className: 'frame' }, canvas),
        make('figcaption', {
          textContent: `rank correlation with the map: ${correlation.toFixed(2)} (1 would be the same map)`,
        }),
      );
    }),
  );
}

function showCurves({ deletion, insertion, deletionArea, insertionArea }: PerturbationCurves): void {
  const steps = deletion.length - 1;
  drawCurves(
    parts.curves,
    {
      x: Array.from(deletion, (_, k) => (100 * k) / steps),
      lines: [
        { label: 'taken away first', values: [...deletion] },
        { label: 'brought in first', values: [...insertion], dashed: true },
      ],
      xLabel: '% of the pixels, those with the largest values first',
    },
    `Score before soft-max as pixels are taken away: from ${deletion[0]!.toFixed(1)}, on average ` +
      `${deletionArea.toFixed(1)}; as they are brought in: on average ${insertionArea.toFixed(1)}`,
  );
  parts.text.textContent =
    `Mean score while pixels are taken away: ${deletionArea.toFixed(2)} (low is good); ` +
    `while they are brought in: ${insertionArea.toFixed(2)} (high is good).`;
}
