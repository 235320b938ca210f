/// The builds. `vite build`: the page and the benchmark, to dist, for any static host. `vite build
/// --mode lib`: the package, to dist/lib.
import { cpSync, existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { type Plugin, type UserConfig, defineConfig } from 'vite';
import { worksOffline } from './build/offline.ts';
import { thirdPartyNotices } from './build/notices.ts';
import { contentSecurityPolicy } from './build/policy.ts';
import { rivals } from './build/rivals.ts';
import { DEFAULT_MODEL } from './src/publicModels.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/** What is deployed meets no other bundler, which annotations are for. */
const OUTPUT = { comments: { annotation: false } };

const page: UserConfig = {
  base: './', // it may be put into any folder of any server
  define: { 'import.meta.env.GRADLENS_VERSION': JSON.stringify(version) },
  build: {
    outDir: 'dist',
    emptyOutDir: false, // the package lies there too
    target: 'es2022',
    modulePreload: { polyfill: false }, // browsers with WebGPU preload modules; others only come by them later
    rolldownOptions: { input: existing({ page: 'index.html', bench: 'bench/index.html' }), output: OUTPUT },
  },
  worker: { format: 'es', rolldownOptions: { output: OUTPUT } },
  plugins: [
    removesOld('assets', 'bench', 'weights', 'page'),
    contentSecurityPolicy(),
    rivals(process.env['GRADLENS_RIVALS'] === 'yes'),
    netsOf('weights'),
    worksOffline(`weights/${DEFAULT_MODEL}`),
  ],
  // Named here, or Vite's server discovers them at their first use and reloads the page in the middle of things.
  // ONNX Runtime is one module as it is, and finds its WebAssembly by its own address.
  optimizeDeps: {
    include: ['@bufbuild/protobuf', 'onnx-buf', 'wgsl-preprocessor/wgsl-preprocessor.js'],
    exclude: ['onnxruntime-web'],
  },
};

/** What a host brings itself: Node, and the two packages that Node needs for WebGPU and pictures. */
const HOSTS_OWN = [/^(node:|(webgpu|sharp)(\/|$))/, ...builtinModules];

const library: UserConfig = {
  build: {
    outDir: 'dist/lib',
    target: 'es2022',
    copyPublicDir: false,
    reportCompressedSize: false,
    lib: {
      entry: existing({
        index: 'src/index.ts',
        element: 'src/element.ts',
        node: 'src/node/index.ts',
        cli: 'src/cli/main.ts',
        worker: 'src/cli/many/worker.ts',
        bench: 'bench/inNode.ts',
      }),
      formats: ['es'],
      fileName: (_format, name) => `${name}.js`,
    },
    sourcemap: true,
    // everything else goes into the chunks that need it, so that an app's page needs no map of imports for it
    rolldownOptions: { external: HOSTS_OWN },
  },
  plugins: [thirdPartyNotices(), beside('src/formats/model.schema.json')],
};

export default defineConfig(({ mode }) => (mode === 'lib' ? library : page));

/** Those that are there: a part that is still to be written must not stop `npm ci`. */
function existing(entries: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(path)));
}

/** Removes what an earlier build left behind in these folders. */
function removesOld(...folders: readonly string[]): Plugin {
  let outDir: string;
  return {
    name: 'gradlens:removes-old',
    apply: 'build',
    configResolved({ root, build }) {
      outDir = resolve(root, build.outDir);
    },
    buildStart() {
      for (const folder of folders) rmSync(join(outDir, folder), { recursive: true, force: true });
    },
  };
}

/** Copies the nets of a folder into the built page, which fetches them by the same paths as from a checkout. */
function netsOf(folder: string): Plugin {
  const files = /^(model\.json|README\.md|.*\.safetensors)$/;
  return {
    name: 'gradlens:nets',
    apply: 'build',
    writeBundle({ dir }) {
      for (const net of readdirSync(folder).filter((name) => existsSync(join(folder, name, 'model.json')))) {
        for (const file of readdirSync(join(folder, net)).filter((name) => files.test(name)))
          cpSync(join(folder, net, file), join(dir!, folder, net, file), { recursive: true });
      }
    },
  };
}

/** A file that the package holds as it is, beside its code. */
function beside(path: string): Plugin {
  return {
    name: 'gradlens:beside',
    apply: 'build',
    buildStart() {
      this.emitFile({ type: 'asset', fileName: basename(path), source: readFileSync(path) });
    },
  };
}
