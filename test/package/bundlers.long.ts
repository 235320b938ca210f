/** A page of six lines by bundlers that the examples do not use, each installed for this test. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { chromiumPage } from '../chromium';
import { type Packed, pack } from './pack';
import { serve } from './serve';

const NET = 'everyday-64-robust';
const [FOLLOWED, COPIED] = [`import net from 'gradlens/weights/${NET}';`, `const net = '${NET}/model.json';`];

/** What is installed, what bundles main.js to dist/main.js, and how the net comes along. */
const BUNDLERS = {
  webpack: [['webpack@5.113.0', 'webpack-cli@7.3.1'], ['webpack', '--mode=production', '--entry=./main.js'], FOLLOWED],
  esbuild: [['esbuild@0.28.2'], ['esbuild', 'main.js', '--bundle', '--format=esm', '--outdir=dist'], COPIED],
  bun: [['bun@1.4.5'], ['bun', 'build', 'main.js', '--outdir=dist'], COPIED],
} as const;

let packed: Packed;
beforeAll(() => {
  packed = pack();
}, 600_000);

test.each(Object.entries(BUNDLERS))('%s bundles a page that loads a shipped net', async (name, [needs, call, net]) => {
  const folder = join(packed.host, name);
  const dist = join(folder, 'dist');
  mkdirSync(dist, { recursive: true });
  const code = `import { Engine, saliency } from 'gradlens';
${net}
const model = await (await Engine.create()).load(net);
const picture = await (await fetch('ladybug.jpg')).blob();
const map = await saliency(model, picture, { class: 'top1' });
document.title = model.labelOf(map.class);`;
  writeFileSync(join(folder, 'main.js'), code);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(dist, 'index.html'),
    '<link rel="icon" href="data:,"><script type="module" src="main.js"></script>',
  );
  cpSync('samples/ladybug.jpg', join(dist, 'ladybug.jpg'));
  if (net === COPIED) cpSync(join(packed.folder, 'weights', NET), join(dist, NET), { recursive: true });
  const shell = process.platform === 'win32';
  const run = (program: string, ...args: readonly string[]): void => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', shell });
    expect(`${status} ${status === 0 ? '' : stdout + stderr}`).toBe('0 ');
  };
  run('npm', 'install', '--no-save', '--no-package-lock', ...needs);
  run('npx', '--no-install', ...call);

  const served = await serve(packed.root);
  await using opened = await chromiumPage();
  const { page, errors } = opened;
  await page.goto(`${served.address}${relative(packed.root, dist).replaceAll('\\', '/')}/index.html`);
  await page.waitForFunction(() => document.title === 'ladybug', { timeout: 120_000 });
  expect(errors).toEqual([]);
  served.close();
});
