/**
 * What the scripts need of a machine, found or got: packages, a Chromium, a software Vulkan driver. Plain JavaScript
 * without dependencies, since it runs before `npm ci` has.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { root } from './root.mjs';

export { root };

/**
 * Runs a program in the repository and shows what it prints; true if it ended well.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, minutes?: number }} [options]
 */
export function run(command, args, { env = {}, minutes = 30 } = {}) {
  console.log(`\n$ ${[command, ...args].join(' ')}`);
  // npm and npx are batch files on Windows, and only a shell starts those
  const shell = process.platform === 'win32' && command.startsWith('np');
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
    timeout: minutes * 60_000,
    shell,
  });
  if (error) console.log(`${command}: ${error.message}`);
  return status === 0;
}

/**
 * Runs scripts of package.json at the same time; what each prints comes when it has ended. Whether they ended well, in
 * the same order.
 *
 * @param {readonly string[]} scripts
 */
export function runScripts(scripts) {
  const one = (/** @type {string} */ script) =>
    new Promise((resolve) => {
      const child = spawn('npm', ['run', '--silent', script], { cwd: root, shell: process.platform === 'win32' });
      let printed = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => (printed += text));
      child.on('error', (error) => (printed += error.message));
      child.on('close', (code) => {
        console.log(`\n$ npm run ${script}\n${printed}`);
        resolve(code === 0);
      });
    });
  return /** @type {Promise<boolean[]>} */ (Promise.all(scripts.map(one)));
}

/**
 * What a program prints, if it ends well.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
function output(command, args, env = {}) {
  const { status, stdout } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  return status === 0 ? stdout : undefined;
}

// ── Chromium ──

const NAMES = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser', 'chrome', 'microsoft-edge'];

/** @type {Partial<Record<NodeJS.Platform, string[]>>} */
const PLACES = {
  linux: [
    '/opt/google/chrome/chrome',
    '/usr/lib/chromium/chromium',
    '/usr/lib/chromium-browser/chromium-browser',
    '/snap/bin/chromium',
  ],
  darwin: ['', homedir()].flatMap((home) =>
    ['Google Chrome', 'Chromium', 'Google Chrome Canary', 'Microsoft Edge'].map(
      (app) => `${home}/Applications/${app}.app/Contents/MacOS/${app}`,
    ),
  ),
  win32: ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap((name) =>
    [
      'Google\\Chrome\\Application\\chrome.exe',
      'Chromium\\Application\\chrome.exe',
      'Microsoft\\Edge\\Application\\msedge.exe',
    ].map((app) => `${process.env[name]}\\${app}`),
  ),
};

/**
 * The path of a Chromium, be it $GRADLENS_CHROMIUM, $CHROME_PATH, an installed one, or one that Puppeteer once
 * downloaded.
 *
 * @returns {string | undefined}
 */
export function findChromium() {
  for (const name of ['GRADLENS_CHROMIUM', 'CHROME_PATH']) {
    const path = process.env[name];
    if (!path) continue;
    if (isProgram(path)) return path;
    throw new Error(`${name} is "${path}", which is not a program`);
  }
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...(PLACES[process.platform] ?? []), ...downloaded()].find(isProgram);
}

/**
 * A Chromium that runs: the one that is there, else Puppeteer's download, else the distribution's package.
 *
 * @returns {string}
 */
export function getChromium() {
  const there = findChromium();
  if (runs(there)) return there;
  console.log('No Chromium that runs. Puppeteer may get one:');
  const dependencies = process.platform === 'linux' && process.getuid?.() === 0 ? ['--install-deps'] : [];
  run('npx', ['--no-install', 'puppeteer', 'browsers', 'install', 'chrome', ...dependencies], { minutes: 5 });
  if (!runs(findChromium())) apt(['chromium']);
  const found = findChromium();
  if (runs(found)) return found;
  throw new Error('no Chromium: install Chrome or Chromium, or set GRADLENS_CHROMIUM to its program');
}

/**
 * @param {string | undefined} browser
 * @returns {browser is string}
 */
function runs(browser) {
  // Windows browsers print no version but open a window
  return browser !== undefined && (process.platform === 'win32' || output(browser, ['--version']) !== undefined);
}

function downloaded() {
  const cache = join(process.env.PUPPETEER_CACHE_DIR || join(homedir(), '.cache', 'puppeteer'), 'chrome');
  /** @type {Partial<Record<NodeJS.Platform, string>>} */
  const programs = {
    linux: 'chrome',
    win32: 'chrome.exe',
    darwin: 'Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing',
  };
  const program = programs[process.platform];
  if (!program) return [];
  /** @param {string} path */
  const folders = (path) => (existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : []);
  return folders(cache)
    .reverse()
    .flatMap(folders)
    .map((folder) => join(folder, program));
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// ── lavapipe ──

const OLDEST_MESA = 24;

/**
 * Names the adapter that Dawn gets in Node. Where Linux offers neither a GPU nor a lavapipe that is new enough,
 * installs the latter first.
 */
export function getVulkan() {
  let adapter = dawnAdapter();
  if (process.platform === 'linux' && !isUsable(adapter)) {
    console.log(`Vulkan has ${adapter ?? 'no adapter'}. Mesa's lavapipe ≥ ${OLDEST_MESA} would do:`);
    if (apt(['mesa-vulkan-drivers'], OLDEST_MESA)) adapter = dawnAdapter();
  }
  return isUsable(adapter) ? adapter : undefined;
}

/** @param {string | undefined} adapter */
function isUsable(adapter) {
  const mesa = /^llvmpipe: Mesa (\d+)/.exec(adapter ?? '')?.[1];
  return adapter !== undefined && (mesa === undefined || Number(mesa) >= OLDEST_MESA);
}

/** Asked in a process of its own: a driver that crashes must not take the tests with it. */
function dawnAdapter() {
  const code = `
    import { create } from 'webgpu';
    const gpu = (globalThis.keep = create([]));
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    const { description, device, vendor } = adapter?.info ?? {};
    if (adapter) console.log(description || device || vendor || 'an adapter without a name');
    process.exit();`;
  return output(process.execPath, ['--input-type=module', '-e', code])?.trim() || undefined;
}

// ── apt ──

/**
 * Installs Debian packages, from backports if the release has none as new as `oldest` (a major version); false where
 * that cannot be done.
 *
 * @param {string[]} packages
 */
function apt(packages, oldest = 0) {
  if (!isProgram('/usr/bin/apt-get')) return false;
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (sudo.length > 0 && output('sudo', ['-n', 'true']) === undefined) {
    console.log(`Not root, and sudo asks for a password. Please run: apt-get install ${packages.join(' ')}`);
    return false;
  }
  /** @param {string[]} args */
  const aptGet = (...args) => {
    const [command, ...rest] = [
      ...sudo,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-o',
      'DPkg::Lock::Timeout=300',
      '-y',
      ...args,
    ];
    return run(command, rest);
  };
  aptGet('update');
  const candidate =
    /Candidate: (?:\d+:)?(\d+)/.exec(output('apt-cache', ['policy', packages[0]], { LC_ALL: 'C' }) ?? '')?.[1] ?? 0;
  const backports = Number(candidate) < oldest ? withBackports() : undefined;
  if (backports) aptGet(...backports.options, 'update');
  return aptGet(
    ...(backports?.options ?? []),
    'install',
    '--no-install-recommends',
    ...(backports ? ['-t', backports.suite] : []),
    ...packages,
  );
}

/**
 * apt options that add the release's backports for one call: a copy of the machine's own sources, with one more suite
 * from the same mirror.
 */
function withBackports() {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (!release) return undefined;
  const suite = `${release}-backports`;
  const folder = mkdtempSync(join(tmpdir(), 'gradlens-apt-'));
  cpSync('/etc/apt/sources.list.d', folder, { recursive: true });

  const files = ['/etc/apt/sources.list', ...readdirSync(folder).map((name) => join(folder, name))].filter(existsSync);
  /** @param {string} ending */
  const read = (ending) =>
    files
      .filter((path) => path.endsWith(ending))
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n\n');
  const stanzas = read('.sources')
    .split(/\n\s*\n/)
    .filter((stanza) => new RegExp(`^Suites:.*\\s${release}(\\s|$)`, 'm').test(stanza))
    .map((stanza) => stanza.replace(/^Suites:.*$/m, `Suites: ${suite}`));
  const lines = read('.list')
    .split('\n')
    .filter((line) => new RegExp(`^deb\\s.*\\s${release}\\s`).test(line))
    .map((line) => line.replace(new RegExp(`\\s${release}\\s`), ` ${suite} `));
  writeFileSync(join(folder, 'gradlens-backports.sources'), stanzas.join('\n\n'));
  writeFileSync(join(folder, 'gradlens-backports.list'), lines.join('\n') + '\n');
  return { suite, options: ['-o', `Dir::Etc::SourceParts=${folder}`] };
}
