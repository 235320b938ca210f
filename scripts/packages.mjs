/**
 * The packages of package-lock.json: which of them something needs, which are missing, and how they get there. Plain
 * JavaScript without dependencies, since it runs before `npm ci` has.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';

/**
 * @typedef {{
 *   version?: string,
 *   optional?: boolean,
 *   dependencies?: Record<string, string>,
 *   optionalDependencies?: Record<string, string>,
 *   devDependencies?: Record<string, string>,
 *   peerDependencies?: Record<string, string>,
 *   peerDependenciesMeta?: Record<string, { optional?: boolean }>,
 * }} Package
 * @typedef {Record<string, Package>} Packages by their paths, the whole project's is ''
 */

/** What a page that is served from its sources is made of: the server, and what the sources import. */
export const PAGE = ['vite', 'wgsl-preprocessor', '@bufbuild/protobuf', 'onnx-buf', 'uplot'];

/** Of a folder that packages are installed in before they are moved. */
const PLACE = '.install-';

/** Between two lines that say how far an installation is. */
const NEWS_MILLISECONDS = 5000;

/**
 * Installs the packages that the lock file names, or those of them that are asked for with all that they need, unless
 * each is there in its version.
 *
 * @param {readonly string[]} [only]
 * @throws an error whose message is for people
 */
export async function installPackages(only) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const wanted = only ? needed(lock.packages, only) : Object.keys(lock.packages).filter((path) => path !== '');
  const missing = missingOf(lock.packages, wanted);
  if (missing.length === 0) return;
  const isFresh = !existsSync(join(root, 'node_modules'));
  if (!only || !isFresh) return install(root, wanted.length); // what is there stays together with what is added

  // npm installs what a lock file says, whole; so it gets one that says less, beside the project's own
  for (const name of readdirSync(root).filter((one) => one.startsWith(PLACE))) // of one that was killed
    rmSync(join(root, name), { recursive: true, force: true });
  const place = mkdtempSync(join(root, PLACE));
  try {
    const devDependencies = Object.fromEntries(only.map((name) => [name, lock.packages[''].devDependencies[name]]));
    const own = { name: lock.name, version: lock.version, devDependencies };
    const kept = Object.fromEntries(wanted.map((path) => [path, lock.packages[path]]));
    const packages = { '': own, ...kept };
    writeFileSync(join(place, 'package.json'), JSON.stringify({ private: true, ...own }));
    writeFileSync(join(place, 'package-lock.json'), JSON.stringify({ ...lock, packages }));
    if (existsSync(join(root, '.npmrc'))) writeFileSync(join(place, '.npmrc'), readFileSync(join(root, '.npmrc')));
    await install(place, wanted.length);
    renameSync(join(place, 'node_modules'), join(root, 'node_modules'));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/**
 * Paths of packages, and of all that they need, as Node finds them.
 *
 * @param {Packages} packages
 * @param {readonly string[]} names
 * @returns {string[]}
 */
export function needed(packages, names) {
  const found = new Set();
  /** @type {[from: string, name: string][]} */
  const pending = names.map((name) => ['', name]);
  for (let next = pending.pop(); next; next = pending.pop()) {
    const path = resolved(packages, ...next);
    if (path === undefined || found.has(path)) continue;
    found.add(path);
    const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = packages[path];
    const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers])
      pending.push([path, name]);
  }
  return [...found];
}

/**
 * @param {Packages} packages
 * @param {string} from
 * @param {string} name
 */
function resolved(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (path in packages) return path;
    if (at === '') return undefined;
  }
}

/**
 * @param {Packages} packages
 * @param {readonly string[]} wanted
 */
function missingOf(packages, wanted) {
  const file = join(root, 'node_modules/.package-lock.json');
  /** @type {Packages} */
  const installed = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {};
  return wanted.filter((path) => !packages[path].optional && installed[path]?.version !== packages[path].version);
}

/**
 * `npm ci` in a folder, which tells how far it is.
 *
 * @param {string} folder
 * @param {number} count
 */
async function install(folder, count) {
  console.log(`Installing up to ${count} packages (npm ci) …`);
  const began = Date.now();
  const seconds = () => `${Math.round((Date.now() - began) / 1000)} s`;
  const news = setInterval(() => {
    const there = foldersIn(join(folder, 'node_modules'));
    console.log(`  ${seconds()}: ${there > 0 ? `unpacking, ${there} folders so far` : 'asking the registry'}`);
  }, NEWS_MILLISECONDS);
  const { code, printed } = await npmCi(folder);
  clearInterval(news);
  if (code === 0) return console.log(`Installed in ${seconds()}.`);
  const reason = /npm (?:error|ERR!) (?!code|errno|A complete log)(.+)/.exec(printed)?.[1] ?? `npm ended with ${code}`;
  throw new Error(`The packages could not be installed: ${reason.trim()}`);
}

/**
 * @param {string} folder
 * @returns {Promise<{ code: number | null, printed: string }>}
 */
function npmCi(folder) {
  return new Promise((resolve) => {
    // npm is a batch file on Windows, and only a shell starts those
    const shell = process.platform === 'win32';
    const child = spawn('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, shell });
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => (printed += text));
    child.on('error', (error) => resolve({ code: null, printed: `npm error ${error.message}` }));
    child.on('close', (code) => resolve({ code, printed }));
  });
}

/** @param {string} folder */
function foldersIn(folder) {
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')).length : 0;
}
