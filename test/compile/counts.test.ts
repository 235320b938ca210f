/**
 * Speed by counts, without a clock and without a GPU: how many dispatches a gradient takes, and which share of its
 * arithmetic runs on kernels that fit the layer, on a software adapter and on each vendor's GPUs.
 */
import { describe, expect, test } from 'vitest';
import { type Plan, compile } from '../../src/compile';
import type { Graph } from '../../src/graph';
import type { Step } from '../../src/ops/op';
import { variantsFor } from '../../src/variants/byDevice';
import { NETS } from './nets';

const VENDORS = ['nvidia', 'apple', 'intel', 'amd'] as const;
type Where = 'software' | (typeof VENDORS)[number];

const adapterOf = (where: Where) => ({
  vendor: where,
  architecture: '',
  device: '',
  description: '',
  isFallbackAdapter: where === 'software',
});

/** The planner's own default limits; subgroups, as software adapters of Dawn have them. */
function planOn(where: Where, graph: Graph): Plan {
  const bindingBytes = 2 ** 27;
  const known = {
    features: ['subgroups'],
    adapter: adapterOf(where),
    limits: { maxStorageBufferBindingSize: bindingBytes },
  } as unknown as Parameters<typeof variantsFor>[0];
  return compile(graph, { batch: 1, bindingBytes, variants: variantsFor(known) });
}

/** Kernels that are made for what they run, by what is in them; `plain` is what runs where none of them fits. */
function familyOf({ label, kernel: { code, name } }: Step): 'tiled' | 'winograd' | 'depthwise' | 'full' | 'plain' {
  if (label.includes('Winograd')) return 'winograd';
  if (code.includes('var<workgroup> filters')) return 'tiled';
  if (name.startsWith('fullyConnected')) return 'full';
  return code.includes('index_weight(b, r, ') || code.includes('load_weight(b, r, ') ? 'depthwise' : 'plain';
}

interface Counts {
  readonly dispatches: number;
  /** In per cent of the plan's multiply-adds. */
  readonly plain: number;
}

function countsOf(plan: Plan): Counts {
  const steps = [...plan.forward, ...plan.backward];
  const parts = steps.flatMap((step) => step.parts ?? [step]);
  const all = parts.reduce((sum, { kernel }) => sum + kernel.flops, 0);
  const plain = parts.filter((step) => familyOf(step) === 'plain').reduce((sum, { kernel }) => sum + kernel.flops, 0);
  return { dispatches: steps.length, plain: (100 * plain) / all };
}

/** At most so many dispatches: on software adapters, and of the vendor whose plan has the most. */
const MOST = {
  squeezenet: { software: 62, gpu: 52 },
  mobilenetV2: { software: 111, gpu: 111 },
  resnet50: { software: 115, gpu: 126 },
  googlenet: { software: 147, gpu: 102 },
} as const;
/** In per cent. */
const MOST_PLAIN = { squeezenet: 1, mobilenetV2: 0.1, resnet50: 0.1, googlenet: 0.7 } as const;

describe.each(Object.keys(MOST) as (keyof typeof MOST)[])('a gradient of %s', (net) => {
  const graph = NETS[net]!();

  test(`takes at most ${MOST[net].software} dispatches on software`, () => {
    expect(countsOf(planOn('software', graph)).dispatches).toBeLessThanOrEqual(MOST[net].software);
  });

  test.each(VENDORS)(`takes at most ${MOST[net].gpu} on a GPU of %s, on kernels that fit`, (vendor) => {
    const { dispatches, plain } = countsOf(planOn(vendor, graph));
    expect(dispatches).toBeLessThanOrEqual(MOST[net].gpu);
    expect(plain).toBeLessThanOrEqual(MOST_PLAIN[net]);
  });
});
