/**
 * What is shown, in the address after `#`, so that a link shows it again:
 * `#tab=segmentation&sample=church&class=golf+ball&relu=guided`. A field at its default is left out; of the tabs'
 * fields those of the shown tab are told, and the map's always.
 */
import { type TabName } from './state';

export interface Address {
  readonly tab: TabName;
  /** A network of the menu; absent: the first. */
  readonly network?: string | undefined;
  readonly prep?: string | undefined;
  /** Absent for a picture of the visitor's own, which no link can carry. */
  readonly sample?: string | undefined;
  /** Where a picture was fetched from. */
  readonly picture?: string | undefined;
  /** A class by name or number; absent: the best one. */
  readonly class?: string | undefined;
  /** Whether a class model is to be made at once. */
  readonly run?: boolean;
  /** The choices of the tabs' forms. */
  readonly fields: URLSearchParams;
}

const TABS: readonly TabName[] = ['saliency', 'class-model', 'segmentation'];
const OWN = ['tab', 'network', 'prep', 'sample', 'picture', 'class', 'run'];

export function readAddress(hash: string): Address {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const take = (name: string): string | undefined => fields.get(name) ?? undefined;
  const address = {
    tab: TABS.find((tab) => tab === fields.get('tab')) ?? 'saliency',
    network: take('network'),
    prep: take('prep'),
    sample: take('sample'),
    picture: take('picture'),
    class: take('class'),
    run: fields.get('run') === 'yes',
  };
  for (const name of OWN) fields.delete(name);
  return { ...address, fields };
}

export function formatAddress({ tab, network, prep, sample, picture, class: chosen, run, fields }: Address): string {
  const own: readonly (readonly [string, string | undefined])[] = [
    ['tab', tab === 'saliency' ? undefined : tab],
    ['network', network],
    ['prep', prep],
    ['sample', sample],
    ['picture', picture],
    ['class', chosen],
    ['run', run ? 'yes' : undefined],
  ];
  const all = new URLSearchParams(own.filter((field): field is [string, string] => field[1] !== undefined));
  for (const [name, value] of fields) all.set(name, value);
  return `#${all}`;
}
