/** `npm start`: installs what the page needs and serves it. `--port` and `--host` go to Vite. */
import { parseArgs } from 'node:util';
import { PAGE, installPackages } from './packages.mjs';
import { root } from './root.mjs';

/**
 * @param {unknown} error what ends in one sentence
 * @returns {never}
 */
function end(error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

const options = /** @type {const} */ ({
  port: { type: 'string', default: '5173' },
  host: { type: 'string', default: '127.0.0.1' },
});
/** @returns {{ port: string, host: string }} */
function asked() {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return end(error);
  }
}

const values = asked();
await installPackages(PAGE).catch(end);
console.log('Starting the server …');
const { createServer } = await import('vite');
const server = await createServer({ root, server: { port: Number(values.port), host: values.host } });
await server.listen();

// WebGPU exists on https, localhost and 127.0.0.1 only, so this is the address to open on this machine.
const { local, network } = server.resolvedUrls ?? { local: [], network: [] };
console.log(`\ngradlens is served at\n\n  ${[...local, ...network].join('\n  ')}\n\nCtrl+C ends it.`);
