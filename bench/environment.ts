/** What a report says about where it was measured. */
import { version } from '../package.json';
import { Engine } from '../src';
import { clockQuantum } from './measure';
import type { ReportEnvironment } from './report';

/** All but the self-test. `runtime`: for hosts that know better than the page. */
export async function environmentOf(gpu: GPU, runtime = browserName()): Promise<ReportEnvironment> {
  const engine = await Engine.create({ gpu });
  const { adapter, features, limits } = engine.environment;
  engine.dispose();
  return {
    date: new Date().toISOString(),
    runtime,
    engineVersion: version,
    adapter,
    features,
    limits,
    clockQuantumMs: clockQuantum(),
    hardwareConcurrency: typeof navigator === 'undefined' ? 0 : navigator.hardwareConcurrency,
    crossOriginIsolated: typeof crossOriginIsolated === 'undefined' || crossOriginIsolated,
    selfTest: null,
  };
}

/** Ours against stored float64 numbers. */
export async function selfTest(gpu: GPU): Promise<ReportEnvironment['selfTest']> {
  const engine = await Engine.create({ gpu });
  try {
    const { ok, relativeL2: error } = await engine.check();
    return { ok, relativeL2: error };
  } finally {
    engine.dispose();
  }
}

function browserName(): string {
  if (typeof document === 'undefined') return `Node ${process.version}`;
  const agent = navigator.userAgent;
  // Edge calls itself Chrome as well, and only Safari gives its number as Version
  const browser = ['Edg', 'Firefox', 'HeadlessChrome', 'Chrome', 'Version'].flatMap(
    (name) => agent.match(new RegExp(`\\b${name}/[\\d.]+`)) ?? [],
  )[0];
  const name = (browser ?? agent).replace('Version', 'Safari').replace('Edg/', 'Edge/').replace('/', ' ');
  return `${name}, ${navigator.platform}`;
}
