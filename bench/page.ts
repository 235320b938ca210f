/** The benchmark page: what the form says is in the address, and what the address says is in the form. */
import { compareReports, comparisonColumns, mismatchOf } from './compare';
import { CONTENDERS } from './contenders';
import { contenderNames } from './contenders/names';
import { LAYER_COLUMNS, layersTitle, shareNeeded } from './layers';
import { networkNames, precisions, whats } from './networks';
import { optionNames, parseOptions, writeOptions } from './options';
import { type Case, type LayerTimes, type Report, adapterSlug, casesOf, parseReport } from './report';
import { type BenchOptions, bench } from './run';
import { COLUMNS, environmentLines, markdownOf, ratiosOf, remarkOf, titleOf } from './table';

const NOTES: Readonly<Record<string, string>> = {
  paper: '224 px, 1.45 GFLOP, 243 MB',
  alexnet: '224 px, 1.43 GFLOP, 244 MB',
  vgg16: '224 px, 30.9 GFLOP, 553 MB',
  squeezenet: '224 px, 0.70 GFLOP, 5 MB',
  small: '64 px, 0.31 GFLOP, 10 MB',
  tiny: '32 px, 0.003 GFLOP: for tests',
  gradlens: 'this library',
  'tfjs-webgpu': 'TensorFlow.js',
  'tfjs-webgpu-tiled': 'its other kernel back',
  'tfjs-webgl': 'on WebGL',
  'tfjs-wasm': 'on the CPU',
  'jax-webgpu': 'jax-js',
  'ort-webgpu': 'ONNX Runtime, forward',
  'ort-wasm': 'on the CPU, forward',
  forward: 'scores only',
  gradient: 'scores and input gradient',
  'class-model': 'an iteration of ascent',
  f32: 'exact',
  f16: 'half the memory',
};

/** What the page understands besides the options: whether to begin at once. */
const START = 'start';

const byId = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T;
const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);
const LISTS = { net: networkNames, contenders: contenderNames, what: whats, precision: precisions } as const;
const SWITCHES = ['probe', 'layers'];

let report: Report | null = null;
let running: AbortController | null = null;

const query = new URLSearchParams(location.search);
const understood = fillForm(query);
for (const id of ['form', 'compare'])
  byId(id).addEventListener('change', () => (id === 'form' ? writeAddress() : void compareFiles()));
byId('form').addEventListener('submit', (event) => {
  event.preventDefault();
  void run();
});
byId('cancel').addEventListener('click', () => running?.abort(new DOMException('cancelled', 'AbortError')));
byId('copy').addEventListener('click', () => void copy('copy', JSON.stringify(report, null, 1)));
byId('copy-table').addEventListener('click', () => void copy('copy-table', markdownOf(report!)));
byId('download').addEventListener('click', download);
if (query.has(START) && understood) void run();

// ——— the form and the address ———

/** False if the address asks for something that there is not. */
function fillForm(parameters: URLSearchParams): boolean {
  const { options, problems } = parseOptions(parameters, [START]);
  if (problems.length > 0) alert(problems.join('\n'));
  const chosen: Record<keyof typeof LISTS, readonly string[]> = {
    net: options.nets,
    contenders: options.contenders,
    what: options.what,
    precision: options.precisions,
  };
  for (const [id, names] of Object.entries(LISTS)) {
    byId(id).replaceChildren(
      ...names.map((name) => {
        const box = make('input', {
          type: 'checkbox',
          name: id,
          value: name,
          checked: chosen[id as keyof typeof LISTS].includes(name),
        });
        return make('label', {}, box, make('span', {}, `${name} `, make('small', {}, NOTES[name] ?? '')));
      }),
    );
  }
  input('batch').value = options.batches.join();
  input('runs').value = String(options.runs);
  input('seconds').value = String(options.seconds);
  input('warm-up').value = String(options.warmUpSeconds);
  input('probe').checked = options.probe;
  input('layers').checked = options.layers;
  return problems.length === 0;
}

function readForm(): BenchOptions {
  const entries = optionNames.map((name): [string, string] => {
    if (name in LISTS)
      return [
        name,
        [...document.querySelectorAll<HTMLInputElement>(`#${name} input:checked`)].map(({ value }) => value).join(),
      ];
    return [name, SWITCHES.includes(name) ? (input(name).checked ? '1' : '0') : input(name).value];
  });
  const { options, problems } = parseOptions(entries);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return options;
}

function writeAddress(): void {
  try {
    const text = writeOptions(readForm()).toString();
    history.replaceState(null, '', text ? `?${text.replaceAll('%2C', ',')}` : location.pathname);
    alert(null);
  } catch (error) {
    alert((error as Error).message);
  }
}

// ——— a run ———

async function run(): Promise<void> {
  if (running) return;
  alert(null);
  running = new AbortController();
  setBusy(true);
  try {
    if (!navigator.gpu)
      throw new Error(
        isSecureContext
          ? 'This browser has no WebGPU. Chrome or Edge 113, Safari 26 and Firefox 141 have it.'
          : 'WebGPU needs a secure page: https, or localhost.',
      );
    await bench(navigator.gpu, readForm(), CONTENDERS, {
      signal: running.signal,
      onProgress: (sentence, contender) => {
        status(sentence);
        document.body.dataset['contender'] = contender ?? '';
      },
      onReport: (soFar) => show(soFar),
    });
    status('Done.');
    document.body.dataset['state'] = 'done';
  } catch (error) {
    const cancelled = running.signal.aborted;
    status(cancelled ? 'Cancelled.' : '');
    if (!cancelled) alert(failureOf(error));
    document.body.dataset['state'] = cancelled ? 'cancelled' : 'failed';
  } finally {
    running = null;
    setBusy(false);
  }
}

function failureOf(error: unknown): string {
  const { code, message = String(error) } = (error ?? {}) as { readonly code?: unknown; readonly message?: string };
  return code === 'device-lost' || code === 'no-adapter'
    ? `${message} What was measured before is below. Where the GPU was lost, reload the page by F5 or, on a Mac, ⌘R.`
    : message;
}

function setBusy(busy: boolean): void {
  for (const field of document.querySelectorAll<HTMLInputElement | HTMLButtonElement>('#form input, #run'))
    field.disabled = busy;
  byId<HTMLButtonElement>('cancel').disabled = !busy;
  byId('progress').hidden = !busy;
  if (busy) document.body.dataset['state'] = 'running';
}

function status(sentence: string): void {
  byId('status').textContent = sentence;
}

function alert(message: string | null): void {
  byId('alert').hidden = message === null;
  byId('alert').textContent = message;
}

// ——— results ———

function show(next: Report): void {
  report = next;
  const software = next.environment.adapter.isFallbackAdapter;
  byId('results').hidden = false;
  byId('results').toggleAttribute('data-software', software);
  byId('software').hidden = !software;
  byId('environment').replaceChildren(
    ...environmentLines(next).flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]),
  );
  byId('cases').replaceChildren(
    ...casesOf(next).map((group) => sectionOf(group, next)),
    ...next.layers.map((times) => layersSection(times, next)),
  );
  byId('json').textContent = JSON.stringify(next);
}

function sectionOf(group: Case, whole: Report): HTMLElement {
  const best = Math.max(...group.rows.map(({ imagesPerSecond }) => imagesPerSecond ?? 0));
  const speed = COLUMNS.findIndex(({ title }) => title === 'images/s');
  // fastest first, and how much faster, but never by the times of a software adapter
  const rows = whole.environment.adapter.isFallbackAdapter
    ? group.rows
    : [...group.rows].sort((a, b) => (b.imagesPerSecond ?? 0) - (a.imagesPerSecond ?? 0));
  const lines = rows.map((row) => {
    const line = tableRow(COLUMNS.map(({ cell }) => cell(row, whole)));
    line.dataset['contender'] = row.contender;
    line.dataset['status'] = row.status;
    if (row.imagesPerSecond !== null) {
      const cell = line.cells[speed]!;
      cell.dataset['share'] = '';
      cell.style.setProperty('--share', String(row.imagesPerSecond / best));
    }
    return line;
  });
  const remarks = [
    ...(whole.environment.adapter.isFallbackAdapter ? [] : [ratiosOf(group)]),
    ...group.rows.map(remarkOf),
  ]
    .filter((remark) => remark !== null)
    .map((remark) => make('p', { className: 'remark' }, `${remark}.`));
  return make(
    'section',
    {},
    make('h3', {}, titleOf(group)),
    table(
      COLUMNS.map(({ title }) => title),
      lines,
    ),
    ...remarks,
  );
}

/** A bar for every step, as long as it takes; its darker part is what it would take at the rates of the probe. */
function layersSection(times: LayerTimes, { probe }: Report): HTMLElement {
  const longest = Math.max(...times.steps.map((step) => step.milliseconds));
  const at = LAYER_COLUMNS.findIndex(({ title }) => title === 'time');
  const lines = times.steps.map((step) => {
    const line = tableRow(LAYER_COLUMNS.map(({ cell }) => cell(step, probe)));
    line.dataset['direction'] = step.direction;
    const cell = line.cells[at]!;
    cell.dataset['share'] = '';
    cell.style.setProperty('--share', String(step.milliseconds / longest));
    cell.style.setProperty('--needed', String((shareNeeded(step, probe) ?? 0) * (step.milliseconds / longest)));
    return line;
  });
  const section = make(
    'section',
    { className: 'layers' },
    make('h3', {}, layersTitle(times)),
    table(
      LAYER_COLUMNS.map(({ title }) => title),
      lines,
    ),
  );
  if (probe)
    section.append(
      make(
        'p',
        { className: 'remark' },
        'The darker part of a bar is the time that its multiply-adds or its bytes, whichever are more, ' +
          'would take at the rates of the probe.',
      ),
    );
  return section;
}

/** Into the clipboard; the button says so for a moment. */
async function copy(id: string, text: string): Promise<void> {
  const button = byId<HTMLButtonElement>(id);
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    Object.assign(button, { textContent: 'Copied', disabled: true });
    setTimeout(() => Object.assign(button, { textContent: label, disabled: false }), 1500);
  } catch (error) {
    alert(`The browser did not let the page copy: ${(error as Error).message}`);
  }
}

function download(): void {
  const link = make('a', {
    href: URL.createObjectURL(new Blob([JSON.stringify(report, null, 1)], { type: 'application/json' })),
  });
  const { environment } = report!;
  link.download = `${environment.date.slice(0, 16).replace(/[:T]/g, '-')}-${adapterSlug(environment)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// ——— comparison ———

async function compareFiles(): Promise<void> {
  const fileOf = async (id: string): Promise<Report | null> => {
    const file = input(id).files?.[0];
    return file ? parseReport(await file.text()) : null;
  };
  try {
    const [before, after] = [await fileOf('before'), (await fileOf('after')) ?? report];
    if (!before || !after) return;
    const mismatch = mismatchOf(before, after);
    const lines = compareReports(before, after).map((comparison) => {
      const line = tableRow(comparisonColumns.map(({ cell }) => cell(comparison)));
      line.cells[line.cells.length - 1]!.dataset['verdict'] = comparison.verdict;
      return line;
    });
    byId('comparison').replaceChildren(
      ...(mismatch ? [make('p', {}, `Beware: ${mismatch}.`)] : []),
      table(
        comparisonColumns.map(({ title }) => title),
        lines,
      ),
    );
    alert(null);
  } catch (error) {
    alert(`The reports cannot be compared: ${(error as Error).message}`);
  }
}

// ——— elements ———

function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const tableRow = (cells: readonly string[]): HTMLTableRowElement =>
  make('tr', {}, ...cells.map((text) => make('td', {}, text)));

function table(titles: readonly string[], rows: readonly HTMLTableRowElement[]): HTMLTableElement {
  const head = make('tr', {}, ...titles.map((title) => make('th', { scope: 'col' }, title)));
  return make('table', {}, make('thead', {}, head), make('tbody', {}, ...rows));
}
