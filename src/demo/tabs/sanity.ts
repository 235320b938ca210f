/**
 * Whether the shown map tells anything: a verdict, and what it goes by: the same map of nets with weights drawn anew,
 * that of another class, and the curves of deletion and insertion, beside those of maps that know nothing.
 */
import type { Evidence, Heatmap, PerturbationCurves } from '../../index';
import { chosenClass, current } from '../current';
import { drawCurves } from '../draw/chart';
import { drawMap } from '../draw/paint';
import { look, mapOf, mapRequest } from '../maps';
import { element, make } from '../parts/elements';
import { showActivity, showProgress } from '../parts/messages';
import { score } from '../words';
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
/** Maps by chance. */
const SEEDS = [1];
/**
 * Of the shown map's curves, and of those that it is compared with at the same places: they only have to be told apart.
 */
const [STEPS, FEWER_STEPS] = [16, 4];

export async function showSanity(signal: AbortSignal): Promise<void> {
  const { map } = state;
  if (!map) return;
  const { areasOf, controlMap, verdictOf } = await import('../../methods/verdict');
  const { rankCorrelation } = await import('../../methods/sanity');
  const options = { signal, onProgress: showProgress };
  const picture = current.picture!.id;
  const curvesOf = (of: Heatmap, steps: number): Promise<PerturbationCurves> =>
    call('curves', { picture, map: of, steps }, options);
  showActivity('Taking pixels away, and bringing them in');
  const curves = await curvesOf(map, STEPS);
  showActivity('The same map of nets with random weights');
  const randomised = await call('randomise', { ...mapRequest(map.class), map, layers: [1, EVERY_LAYER] }, options);
  showActivity('The same for maps that know nothing');
  const random: PerturbationCurves[] = [];
  for (const seed of SEEDS) random.push(await curvesOf(controlMap(map, 'random', seed), FEWER_STEPS));
  const centre = await curvesOf(controlMap(map, 'centre'), FEWER_STEPS);
  const shuffled = await curvesOf(randomised.at(-1)!.map, FEWER_STEPS);
  const least = current.ranked.at(-1);
  const other = least && least.index !== map.class ? least : null;
  const withOther = other && rankCorrelation(map, await mapOf(other.index, options));
  signal.throwIfAborted();

  const evidence: Evidence = {
    map: areasOf(curves, STEPS / FEWER_STEPS),
    centre: areasOf(centre),
    random: random.map((one) => areasOf(one)),
    shuffled: areasOf(shuffled),
    withShuffled: randomised.at(-1)!.correlation,
    withOther,
    range: curves.deletion[0]! - curves.deletion.at(-1)!,
  };
  const verdict = verdictOf(evidence, other?.label ?? '');
  state.sanity = { randomised, curves, evidence, verdict };
  parts.results.hidden = false;
  showVerdict(evidence, verdict.sentence, other?.label ?? null);
  showRandomised(randomised);
  showCurves(curves);
  showActivity('Checked.');
}

/** The sentence, and the numbers that it goes by. */
function showVerdict(evidence: Evidence, sentence: string, other: string | null): void {
  parts.results.querySelector('.verdict')?.remove();
  const { map, centre, random, shuffled, withShuffled, withOther } = evidence;
  const [first] = random;
  const rows: readonly (readonly [what: string, areas: Evidence['map']])[] = [
    ['This map', map],
    ['Largest in the middle', centre],
    ['By chance', first!],
    ['Of the network with shuffled weights', shuffled],
  ];
  const likeness = [
    ...(withOther === null ? [] : [`with the map for “${other}”, which has the lowest score: ${score(withOther)}`]),
    `with that of the network with shuffled weights: ${score(withShuffled)}`,
  ];
  parts.results.prepend(
    make(
      'div',
      { className: 'verdict' },
      make('p', {}, make('strong', { textContent: sentence })),
      make(
        'table',
        {},
        make('caption', {
          textContent:
            'Share of the score that is left, on average, while pixels are taken away or brought in, ' +
            `the map’s largest first, for “${chosenClass()?.label ?? ''}”`,
        }),
        make('thead', {}, rowOf('th', ['Order of the pixels', 'Taken away ↓', 'Brought in ↑', 'Gain ↑'])),
        make(
          'tbody',
          {},
          ...rows.map(([what, { deletion, insertion }]) =>
            rowOf('td', [what, score(deletion), score(insertion), score(insertion - deletion)]),
          ),
        ),
      ),
      make('p', {
        className: 'quiet',
        textContent: `Rank correlation of this map (1 would be the same one) ${likeness.join('; ')}.`,
      }),
    ),
  );
}

function rowOf(kind: 'td' | 'th', texts: readonly string[]): HTMLTableRowElement {
  const cells = texts.map((textContent, k) => {
    const cell = make(k === 0 ? 'th' : kind, { textContent });
    if (cell.tagName === 'TH') cell.setAttribute('scope', kind === 'th' ? 'col' : 'row');
    return cell;
  });
  return make('tr', {}, ...cells);
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
