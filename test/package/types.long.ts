/** The published types under the oldest and the newest compilers, each installed for this test. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Packed, pack } from './pack';

/** TypeScript 6 brings the types of WebGPU itself. */
const COMPILERS = [
  ['5.4.5', '@webgpu/types@0.1.74'],
  ['5.9.3', '@webgpu/types@0.1.74'],
  ['6.0.3', undefined],
  ['7.0.2', undefined],
] as const;

let packed: Packed;
beforeAll(() => {
  packed = pack();
}, 600_000);

test.each(COMPILERS)('are clean under TypeScript %s without skipLibCheck', (version, types) => {
  const folder = join(packed.host, version);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  run(folder, 'npm', 'install', '--no-save', '--no-package-lock', `typescript@${version}`, ...(types ? [types] : []));
  writeFileSync(
    join(folder, 'host.ts'),
    `import * as gradlens from 'gradlens';
     import { GradlensMap } from 'gradlens/element';
     import net from 'gradlens/weights/imagenette-128-robust';
     export async function map(image: ImageBitmap, device: GPUDevice): Promise<gradlens.Heatmap> {
       const engine = await gradlens.Engine.create({ device });
       return gradlens.saliency(await engine.load(net), image, { class: 'top1' });
     }
     export const shown = ({ data, width, height }: gradlens.Rendered) => new ImageData(data, width, height);
     export const element = new GradlensMap();`,
  );
  const options = {
    target: 'ES2022',
    module: 'ESNext',
    moduleResolution: 'bundler',
    lib: ['ES2022', 'DOM', 'DOM.Iterable'],
    types: types ? ['@webgpu/types'] : [],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['host.ts'] }));
  run(folder, process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.');
});

function run(cwd: string, command: string, ...args: readonly string[]): void {
  const shell = process.platform === 'win32';
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', shell });
  expect(`${status}\n${status === 0 ? '' : stdout + stderr}`).toBe('0\n');
}
