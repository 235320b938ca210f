/** The elements of index.html that change, by id and with their types: a name that is missing fails at once. */
function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} called ${id}`);
  return found;
}

export const elements = {
  alert: element('alert', HTMLDivElement),
  alertText: element('alert-text', HTMLParagraphElement),
  alertAction: element('alert-action', HTMLButtonElement),
  samples: element('samples', HTMLUListElement),
  file: element('file', HTMLInputElement),
  progress: element('progress', HTMLProgressElement),
  activityText: element('activity-text', HTMLSpanElement),
  stage: element('stage', HTMLElement),
  picture: element('picture', HTMLImageElement),
  pictureText: element('picture-text', HTMLElement),
  map: element('map', HTMLCanvasElement),
  overlay: element('overlay', HTMLCanvasElement),
  legend: element('legend', HTMLCanvasElement),
  legendLow: element('legend-low', HTMLSpanElement),
  legendHigh: element('legend-high', HTMLSpanElement),
  summary: element('summary', HTMLParagraphElement),
  opacity: element('opacity', HTMLInputElement),
  opacityText: element('opacity-text', HTMLOutputElement),
  classes: element('classes', HTMLTableSectionElement),
  relu: element('relu', HTMLSelectElement),
  colours: element('colours', HTMLSelectElement),
  clip: element('clip', HTMLInputElement),
  clipText: element('clip-text', HTMLOutputElement),
  savePng: element('save-png', HTMLButtonElement),
  saveNpy: element('save-npy', HTMLButtonElement),
  statusModel: element('status-model', HTMLElement),
  statusAdapter: element('status-adapter', HTMLElement),
  statusCheck: element('status-check', HTMLElement),
  statusTime: element('status-time', HTMLElement),
};
