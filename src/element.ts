/**
 * A custom element for pages: a picture with the map of a class over it. Importing this entry defines it.
 *
 * ```html
 * <script type="module">import 'gradlens/element';</script>
 * <gradlens-map src="ladybug.jpg" model="everyday-64-robust" class="ladybug"></gradlens-map>
 * ```
 *
 * @packageDocumentation
 */
import { classNamed } from './classNames';
import { GradlensError } from './errors';
import { toPixels } from './image/pixels';
import { placementOf } from './image/placement';
import { renderMap } from './image/render';
import type { Heatmap } from './methods/heatmap';
import { saliency } from './methods/saliency';
import { sharedModel } from './element/sharedModel';
import { DEFAULT_MODEL } from './publicModels';

/**
 * `<gradlens-map src model class>`: the picture at `src`, with the saliency map of a class over it. `model` is what
 * `Engine.load` takes as a string (default: the shipped network), `class` a number, a name, or `top1` (default). When
 * it is drawn, the element sends `map` with the {@link Heatmap} as its `detail`; when it cannot be, `error` likewise
 * with the error. Pages style it from outside as an inline block: its canvas fills its width.
 */
export class GradlensMap extends (globalThis.HTMLElement ?? (class {} as typeof HTMLElement)) {
  /** Attributes that draw the element anew when they change. */
  static readonly observedAttributes: readonly string[] = ['src', 'model', 'class'];
  /** What is shown, never normalised; undefined until there is a map. */
  map: Heatmap | undefined;
  private canvas: HTMLCanvasElement | undefined;
  private drawing: AbortController | undefined;

  /** Called by the browser. */
  connectedCallback(): void {
    if (!this.shadowRoot) {
      const root = this.attachShadow({ mode: 'open' });
      root.innerHTML = '<style>:host{display:inline-block}canvas{display:block;width:100%}</style><canvas role="img">';
      this.canvas = root.querySelector('canvas')!;
    }
    this.draw();
  }

  /** Called by the browser. */
  disconnectedCallback(): void {
    this.drawing?.abort();
  }

  /** Called by the browser. */
  attributeChangedCallback(): void {
    if (this.isConnected) this.draw();
  }

  private draw(): void {
    this.drawing?.abort();
    const { signal } = (this.drawing = new AbortController());
    this.drawn(signal).then(
      () => this.dispatchEvent(new CustomEvent('map', { detail: this.map })),
      (detail: unknown) => signal.aborted || this.dispatchEvent(new CustomEvent('error', { detail })),
    );
  }

  private async drawn(signal: AbortSignal): Promise<void> {
    await Promise.resolve(); // attributes change one by one
    signal.throwIfAborted();
    const src = this.getAttribute('src');
    if (src === null) throw new GradlensError('validation', 'src is missing; the address of a picture would be right');
    const response = await fetch(new URL(src, document.baseURI), { signal });
    if (!response.ok) throw new GradlensError('network', `${src}: the server answered ${response.status}`);
    const picture = await toPixels(await response.blob());
    const model = await sharedModel(this.getAttribute('model') ?? DEFAULT_MODEL);
    const called = this.getAttribute('class') ?? 'top1';
    const chosen = called === 'top1' ? called : classNamed(called, model.labels, model.classes);
    if (chosen === undefined)
      throw new GradlensError('validation', `class is '${called}', which is no one class of ${model.name}`);
    const map = await saliency(model, picture, { class: chosen, signal });
    signal.throwIfAborted();
    const placement = placementOf(picture, model.input!);
    const { data, width, height } = renderMap(map, { overlay: { picture }, placement });
    const canvas = Object.assign(this.canvas!, { width, height });
    canvas.getContext('2d')!.putImageData(new ImageData(data, width, height), 0, 0);
    canvas.setAttribute('aria-label', `where the score of ${model.labelOf(map.class)} is most sensitive`);
    this.map = map;
  }
}

globalThis.customElements?.define('gradlens-map', GradlensMap);
