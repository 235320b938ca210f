/** Every block of code in the documents and in TSDoc compiles against the packed package, and runs. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands';
import { chromiumPage } from '../chromium';
import { VIDEO_FLAGS } from '../launch';
import { sources } from '../importGraph';
import { needs } from '../needs';
import { type Packed, lend, pack } from '../package/pack';
import { serve } from '../package/serve';
import { type Block, blocksIn, isForBrowsers, moduleOf, shellLines } from './blocks';

const documents = [
  'README.md',
  ...(JSON.parse(readFileSync('typedoc.json', 'utf8')) as { readme: string; projectDocuments: string[] })
    .projectDocuments,
  'docs/start.md',
  'bench/README.md',
  'CONTRIBUTING.md',
];
const public_ = sources().filter((file) => !/^src\/(demo|cli)\//.test(file));
const blocks = [...documents, ...public_].flatMap((file) => blocksIn(file));
const inLanguage = (...languages: readonly string[]): Block[] =>
  blocks.filter(({ language }) => languages.includes(language));
// the annotated kernels of one layer show parts of files
const typescript = inLanguage('ts').filter(({ at }) => !at.startsWith('docs/one-layer.md'));

const MODULES = '/node_modules/gradlens';
const PAGE = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({
  imports: {
    gradlens: `${MODULES}/dist/lib/index.js`,
    'gradlens/element': `${MODULES}/dist/lib/element.js`,
    'gradlens/weights/everyday-64-robust': `${MODULES}/weights/everyday-64-robust/index.js`,
  },
})}</script>`;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const nameOf = (k: number): string => `block-${k}`;
const title = (block: Block): [string, Block] => [block.at, block];

let packed: Packed;
let host: string;
beforeAll(() => {
  packed = pack();
  ({ host } = packed);
  lend(packed, 'webgpu', 'sharp');
  for (const platform of ['node', 'page']) {
    const folder = join(host, platform);
    mkdirSync(folder);
    writeFileSync(join(folder, 'prelude.ts'), readFileSync(here('prelude.ts'), 'utf8'));
    writeFileSync(join(folder, 'open.ts'), readFileSync(here(`open.${platform}.ts`), 'utf8'));
  }
  const given = [...readFileSync(here('prelude.ts'), 'utf8').matchAll(/^export const (?:[{[] ?(.*?) ?[}\]]|(\w+))/gm)];
  const names = given.flatMap(([, several, one]) => several?.split(', ') ?? [one!]);
  typescript.forEach((block, k) => writeFileSync(join(folderOf(block), `${nameOf(k)}.ts`), moduleOf(block, names)));
  writeFileSync(join(host, 'package.json'), '{ "type": "module" }');
  cpSync('samples/ladybug.jpg', join(host, 'page/ladybug.jpg'));
  mkdirSync(join(host, 'samples'));
  for (const name of ['ladybug', 'pizza']) cpSync(`samples/${name}.jpg`, join(host, `samples/${name}.jpg`));
}, 600_000);

const folderOf = (block: Block): string => join(host, isForBrowsers(block) ? 'page' : 'node');
const fileOf = (block: Block): string => join(folderOf(block), `${nameOf(typescript.indexOf(block))}.ts`);

/** Compiles all to JavaScript beside them. @returns what is wrong, by file */
function compiled(): ReadonlyMap<string, readonly string[]> {
  const files = typescript.map(fileOf);
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['@webgpu/types', '@types/node'].map((name) => here(`../../node_modules/${name}`)),
    strict: true,
    skipLibCheck: true,
  });
  program.emit();
  return new Map(
    files.map((file) => [
      file,
      ts
        .getPreEmitDiagnostics(program, program.getSourceFile(file))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    ]),
  );
}

describe('TypeScript', () => {
  let wrong: ReadonlyMap<string, readonly string[]>;
  /** By the block's number: the error, or null. */
  let inNode: Readonly<Record<string, string | null>>;
  let opened: Awaited<ReturnType<typeof chromiumPage>>;
  let served: Awaited<ReturnType<typeof serve>>;
  let page: Page;

  beforeAll(async () => {
    wrong = compiled();
    const ours = typescript.flatMap((block, k) => (isForBrowsers(block) ? [] : [nameOf(k)]));
    writeFileSync(
      join(host, 'run.mjs'),
      `const results = {};
      for (const name of ${JSON.stringify(ours)})
        results[name] = await import('./node/' + name + '.js').then(
            () => null,
            (error) => String(error?.stack ?? error),
          );
      (await import('./node/prelude.js')).engine.dispose();
      console.log('RESULTS ' + JSON.stringify(results));
      process.exit();`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, ['run.mjs'], { cwd: host, encoding: 'utf8' });
    const line = stdout.split('\n').find((text) => text.startsWith('RESULTS '));
    if (line === undefined) throw new Error(`the blocks did not run:\n${stdout}\n${stderr}`);
    inNode = JSON.parse(line.slice(8)) as typeof inNode;

    served = await serve(packed.root);
    opened = await chromiumPage(undefined, VIDEO_FLAGS); // a block takes the frames of a video
    ({ page } = opened);
    writeFileSync(join(host, 'page/index.html'), PAGE);
    await page.goto(`${served.address}${basename(host)}/page/`);
  }, 600_000);
  afterAll(async () => {
    await opened?.close(); // its video would play on
    served?.close();
  });

  test.each(typescript.map(title))('%s compiles, and runs', async (_, block) => {
    expect(wrong.get(fileOf(block))).toEqual([]);
    const name = nameOf(typescript.indexOf(block));
    const error = isForBrowsers(block)
      ? // as a string: a bundler of tests would make another function of import()
        await page.evaluate(`import('./${name}.js').then(() => null, (reason) => String(reason.stack ?? reason))`)
      : inNode[name];
    expect(error).toBeNull();
  });
});

test.each(inLanguage('html').map(title))('%s is a page that draws', async (_, { code }) => {
  const folder = join(host, 'html');
  cpSync('samples/ladybug.jpg', join(folder, 'ladybug.jpg'));
  const text = code.replaceAll('./node_modules/', '/node_modules/');
  const head = code.includes('importmap') ? '<!doctype html><link rel="icon" href="data:,">' : PAGE;
  writeFileSync(join(folder, 'index.html'), head + text);
  const { address, close } = await serve(packed.root);
  await using opened = await chromiumPage();
  await opened.page.goto(`${address}${basename(host)}/html/`);
  await opened.page.waitForFunction(
    () => {
      const shown = document.querySelector('gradlens-map')?.shadowRoot ?? document;
      const { width, height } = shown.querySelector('canvas')!;
      return shown
        .querySelector('canvas')!
        .getContext('2d')!
        .getImageData(0, 0, width, height)
        .data.some((x) => x > 0);
    },
    { timeout: 120_000 },
  );
  expect(opened.errors).toEqual([]);
  close();
});

test.each(inLanguage('json').map(title))('%s is JSON', (_, { code }) => {
  expect(() => JSON.parse(code)).not.toThrow();
});

const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);
test('what is Python parses', needs(python !== undefined, 'no Python, which parses what the guides say in it'), () => {
  for (const { at, code } of inLanguage('python')) {
    const { status, stderr } = spawnSync(python!, ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
      input: code,
    });
    expect(`${at} ${status} ${stderr}`).toBe(`${at} 0 `);
  }
});

describe('lines of a shell', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const lines = inLanguage('', 'bash').flatMap((block) =>
    shellLines(block).map((line): [string, string] => [block.at, line]),
  );

  test('there are some', () => expect(lines.length).toBeGreaterThan(20));

  test.each(lines)('%s: %s', async (_, line) => {
    const [program, first = '', second, ...rest] = line.split(/\s+/);
    if (program === 'npm') {
      const known = ['install', 'ci', 'test', 'start', 'pack', 'run'];
      expect(known).toContain(first);
      if (first === 'run') expect(Object.keys(scripts)).toContain(second);
    } else if (program === 'node') expect(existsSync(first)).toBe(true);
    else if (first === 'gradlens') {
      expect(Object.keys(commands)).toContain(second);
      const flags = rest.flatMap((word) => /^--([\w-]+)/.exec(word)?.[1] ?? []);
      expect(Object.keys(commands[second!]!.args as object)).toEqual(expect.arrayContaining(flags));
    } else expect(existsSync(`node_modules/.bin/${first}`)).toBe(true);
  });
});

describe('the reference', () => {
  const declarations = (): readonly (readonly [string, ts.Symbol, ts.Declaration])[] => {
    const entries = ['index', 'element', 'node'].map((name) => join(packed.folder, `dist/types/${name}.d.ts`));
    const program = ts.createProgram(entries, { skipLibCheck: true, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] });
    const checker = program.getTypeChecker();
    return entries.flatMap((entry) =>
      checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)!)!).flatMap((exported) => {
        const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
        return (symbol.declarations ?? []).map((declaration) => [exported.name, symbol, declaration] as const);
      }),
    );
  };
  const isFunction = (declaration: ts.Declaration): boolean =>
    ts.isFunctionDeclaration(declaration) ||
    (ts.isVariableDeclaration(declaration) && /^[<(]/.test(declaration.type?.getText() ?? ''));
  const tagsOf = (declaration: ts.Node): string[] => ts.getJSDocTags(declaration).map((tag) => tag.tagName.text);

  test('every exported function has an example, and says what it throws if it is asynchronous', () => {
    const functions = declarations().filter(([, , declaration]) => isFunction(declaration));
    expect(functions.length).toBeGreaterThan(30);
    const without = functions.flatMap(([name, , declaration]) => {
      const tags = tagsOf(declaration);
      const mayReject = /Promise<|AsyncGenerator</.test(
        declaration
          .getText()
          .split(/\)\s*:/)
          .at(-1)!,
      );
      return [
        ...(tags.includes('example') ? [] : [`${name}: no @example`]),
        ...(mayReject && !tags.includes('throws') ? [`${name}: no @throws`] : []),
      ];
    });
    expect(without).toEqual([]);
  });

  test('so has every method that returns a promise', () => {
    const without = declarations().flatMap(([name, , declaration]) =>
      ts.isClassDeclaration(declaration)
        ? declaration.members.flatMap((member) =>
            ts.isMethodDeclaration(member) && member.type?.getText().startsWith('Promise<')
              ? ['example', 'throws'].flatMap((tag) =>
                  tagsOf(member).includes(tag) ? [] : [`${name}.${member.name.getText()}: no @${tag}`],
                )
              : [],
          )
        : [],
    );
    expect(without).toEqual([]);
  });

  test('the site builds, with nothing undocumented and no link that leads nowhere', () => {
    const out = join(host, 'docs');
    const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'docs', '--', '--out', out], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
    });
    expect(`${status}\n${stdout}${stderr}`).toMatch(/^0\n/);
    expect(existsSync(join(out, 'index.html'))).toBe(true);
  }, 300_000);
});
