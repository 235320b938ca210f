/** The page of a folder of pictures: one file that needs no server and no script. Every channel has an address. */
import type { Layer } from './layers';
import { type Photos, photoFile } from './photos';
import { type Unit, unitFile } from './pictures';
import { sheetFile } from './sheet';

export interface Shown {
  readonly layer: Layer;
  readonly units: readonly Unit[];
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.45 system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
body { margin: 0 auto; max-width: 1400px; padding: 1rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: 1rem 0; }
a { color: light-dark(#0b6e75, #6fd0d8); }
small { color: light-dark(#586467, #a3afb2); }
section { margin-top: 2.5rem; }
.units { display: grid; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: 10px; }
figure { margin: 0; overflow-wrap: anywhere; scroll-margin-top: 1rem; }
figure > a > img { width: 100%; aspect-ratio: var(--aspect); display: block; border-radius: 4px; background: #808080; }
figcaption { font-size: 13px; }
figure .more { display: none; }
figure:target { grid-column: 1 / -1; display: grid; grid-template-columns: minmax(0, 360px) 1fr; gap: 4px 20px;
  padding: 14px; border-radius: 8px; background: light-dark(#eef3f3, #20292b); }
figure:target .more { display: block; grid-row: 1 / 3; grid-column: 2; }
.photos { display: flex; flex-wrap: wrap; gap: 8px; }
.photos img { height: 110px; display: block; border-radius: 4px; }
.photos figcaption { font-size: 12px; }
@media (max-width: 600px) { figure:target { grid-template-columns: 1fr; }
  figure:target .more { grid-row: auto; grid-column: 1; } }
`;

/** @param made a sentence on how the pictures were made */
export function pageOf(
  name: string,
  shown: readonly Shown[],
  { made, aspect, photos }: { readonly made: string; readonly aspect: number; readonly photos: Photos | null },
): string {
  const links = shown.map(
    ({ layer, units }) => `<a href="#${address(layer)}">${escaped(layer.name)}</a> <small>${units.length}</small>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(name)}: what its channels look for</title>
<style>${STYLE}:root { --aspect: ${aspect}; }</style>
<h1>${escaped(name)}</h1>
<p>Each picture is one that a channel answers to strongly, found by gradient ascent: what the channel looks for. Choose
one to see it large${photos ? ', with the photos that the channel answers to most' : ''}; its address is then that of
the page. ${escaped(made)}</p>
<nav>${links.map((link) => `<span>${link}</span>`).join('\n')}</nav>
${shown.map((one) => sectionOf(one, photos)).join('\n')}
</html>
`;
}

function sectionOf({ layer, units }: Shown, photos: Photos | null): string {
  const { name, height, width, tensor } = layer;
  const words = layer.labels.length > 0 ? 'classes' : `channels, ${height}×${width}`;
  const title = tensor === name ? '' : `, <code>${escaped(tensor)}</code>`;
  const sheet = `<a href="${path(sheetFile(layer))}">sheet</a>`;
  return `<section id="${address(layer)}">
<h2>${escaped(name)} <small>${units.length} ${words}${title} · ${sheet}</small></h2>
<div class="units">
${units.map((unit) => figureOf(layer, unit, photos)).join('\n')}
</div>
</section>`;
}

function figureOf(layer: Layer, unit: Unit, photos: Photos | null): string {
  const { channel, label, remark } = unit;
  const own = address(layer, channel);
  const picture = path(unitFile(layer, channel));
  const title = label === null ? String(channel) : `${label} <small>${channel}</small>`;
  const [first, last] = unit.score.map((value) => value.toPrecision(3));
  const strongest = photos?.strongest[layer.tensor]?.[channel] ?? [];
  const more = [
    `<p><code>${own}</code>, sum over its plane ${first} → ${last}${remark ? `, ${remark}` : ''} ` +
      `<a href="${picture}">picture</a> <a href="#${address(layer)}">close</a></p>`,
    ...(strongest.length > 0
      ? [`<p>Strongest photos of ${photos!.paths.length}, with the channel’s mean:</p>`, `<div class="photos">`]
      : []),
    ...strongest.map(
      ({ photo, value }) =>
        `<figure><img loading="lazy" src="${path(photoFile(photo))}" alt="${escaped(photos!.paths[photo]!)}">` +
        `<figcaption>${value.toPrecision(3)}</figcaption></figure>`,
    ),
    ...(strongest.length > 0 ? ['</div>'] : []),
  ];
  return `<figure id="${own}"><a href="#${own}"><img loading="lazy" src="${picture}" alt="${escaped(
    `${layer.name}, channel ${channel}`,
  )}"></a><figcaption>${label === null ? title : escaped(label)}${
    label === null ? '' : ` <small>${channel}</small>`
  }${remark ? ` <small>${remark}</small>` : ''}</figcaption><div class="more">${more.join('\n')}</div></figure>`;
}

/** `fire3:12`, as an id and behind #. */
const address = ({ name }: Layer, channel?: number): string =>
  escaped(encodeURI(channel === undefined ? name : `${name}:${channel}`).replaceAll('#', '%23'));

const path = (file: string): string => escaped(file.split('/').map(encodeURIComponent).join('/'));

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
