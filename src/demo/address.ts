/** What is shown, in the address after `#`, so that a link shows it again: `#sample=church&class=golf+ball&relu=guided`. */
import type { ReluRule } from '../index';

export interface Address {
  /** Absent for a picture of the visitor's own, which no link can carry. */
  readonly sample?: string | undefined;
  /** A class by name or number; absent: the best one. */
  readonly class?: string | undefined;
  readonly relu: ReluRule;
}

const RULES: readonly ReluRule[] = ['gradient', 'deconvnet', 'guided'];

export function ruleNamed(name: string | null): ReluRule {
  return RULES.find((rule) => rule === name) ?? 'gradient';
}

export function readAddress(hash: string): Address {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  return {
    sample: fields.get('sample') ?? undefined,
    class: fields.get('class') ?? undefined,
    relu: ruleNamed(fields.get('relu')),
  };
}

export function formatAddress(address: Address): string {
  const fields = new URLSearchParams();
  if (address.sample !== undefined) fields.set('sample', address.sample);
  if (address.class !== undefined) fields.set('class', address.class);
  if (address.relu !== 'gradient') fields.set('relu', address.relu);
  return `#${fields}`;
}

/** The number of a class that an address names; undefined if there is no such class. */
export function classNamed(name: string, labels: readonly string[], classes: number): number | undefined {
  const byLabel = labels.indexOf(name);
  if (byLabel >= 0) return byLabel;
  const byNumber = /^\d+$/.test(name) ? Number(name) : -1;
  return byNumber >= 0 && byNumber < classes ? byNumber : undefined;
}
