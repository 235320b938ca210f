// A notebook as Observable's runtime takes it. In a notebook of your own each `define` is a cell: its name, what it
// uses, and what it is. `invalidation` is the runtime's: a promise that the cell is about to be replaced.
export default function notebook(runtime, observer) {
  const cells = runtime.module();
  cells.define('gradlens', () => import('gradlens'));
  cells.define('model', ['gradlens', 'invalidation'], async ({ Engine }, invalidation) => {
    const engine = await Engine.create();
    invalidation.then(() => engine.dispose());
    return engine.load('imagenette-128-robust');
  });
  cells.define('picture', async () => (await fetch('church.jpg')).blob());
  cells.define('map', ['gradlens', 'model', 'picture'], ({ saliency }, model, picture) => saliency(model, picture));
  cells.variable(observer('label')).define('label', ['model', 'map'], (model, map) => model.labelOf(map.class));
  cells.variable(observer('shown')).define('shown', ['gradlens', 'map'], ({ renderMap }, map) => {
    const { data, width, height } = renderMap(map, { width: 480, height: 360 });
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    canvas.getContext('2d').putImageData(new ImageData(data, width, height), 0, 0);
    return canvas;
  });
  return cells;
}
