/** One engine and one model of each network for all custom elements of a page. */
import { Engine } from '../engine';
import type { Model } from '../model';

let engine: Promise<Engine> | undefined;
const models = new Map<string, Promise<Model>>();

/** What `Engine.load` makes of `name`; the same model each time, until the GPU is lost. */
export function sharedModel(name: string): Promise<Model> {
  if (!engine) {
    engine = Engine.create();
    engine.then((created) => created.lost).then(startAnew, startAnew);
  }
  const opened = engine;
  const found = models.get(name) ?? opened.then((created) => created.load(name, { prep: 'guess' }));
  models.set(name, found);
  found.catch(() => models.delete(name)); // the next attempt may find it
  return found;
}

/** After a loss or a failure. */
function startAnew(): void {
  engine = undefined;
  models.clear();
}
