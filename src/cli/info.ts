import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { common, command } from './args';
import { EXIT } from './failure';
import { DEFAULT_MODEL } from '../index';
import { packageVersion } from './models';

export const info = command({
  name: 'info',
  description: 'adapter, limits, features and versions',
  examples: [['', 'adapter, limits, features, versions']],
  args: common,
  async run(args, session) {
    const { environment, device } = await session.openEngine(args.driver);
    const { adapter, features } = environment;
    const isSoftware = adapter.isFallbackAdapter;
    const limits: Record<string, number> = {};
    for (const name in device.limits) {
      const limit = device.limits[name as keyof GPUSupportedLimits];
      if (typeof limit === 'number') limits[name] = limit;
    }
    const versions = {
      gradlens: packageVersion(),
      node: process.versions.node,
      webgpu: versionOf('webgpu'),
      sharp: versionOf('sharp'),
    };
    const host = { platform: `${process.platform}-${process.arch}`, defaultModel: DEFAULT_MODEL };
    const name = adapter.description || adapter.device || adapter.vendor;
    session.print(args.json, { adapter, features, limits, versions, ...host }, [
      `adapter   ${name}${isSoftware ? ' (software: right, but slow)' : ''}`,
      `vendor    ${[adapter.vendor, adapter.architecture].filter(Boolean).join(' ') || 'unknown'}`,
      `features  ${features.join(', ') || 'none'}`,
      `versions  ${Object.entries(versions)
        .map(([name, version]) => `${name} ${version ?? '(not installed)'}`)
        .join(', ')}`,
      `host      ${host.platform}`,
      'limits',
      ...Object.entries(limits).map(([name, limit]) => `  ${name}  ${limit}`),
    ]);
    return EXIT.ok;
  },
});

/** Of an optional peer. Its exports may hide package.json, so that is looked for beside what it does export. */
export function versionOf(name: string): string | null {
  try {
    let folder = dirname(createRequire(import.meta.url).resolve(name));
    for (; folder !== dirname(folder); folder = dirname(folder)) {
      if (folder.endsWith(name)) return packageVersion(folder);
    }
  } catch {
    // not installed
  }
  return null;
}
