/** `npm start`: installs what the page needs and serves it. `--port` and `--host` go to Vite. */
import { parseArgs } from 'node:util';
import { PAGE, installPackages } from './packages.mjs';
import { root } from './root.mjs';

/** What was asked for, once what the page needs is here. */
async function prepared() {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '5173' }, host: { type: 'string', default: '127.0.0.1' } },
  });
  await installPackages(PAGE);
  return values;
}

const values = await prepared().catch((error) => {
  console.error(error instanceof Error ? error.message : error); // one sentence
  process.exit(1);
});
console.log('Starting the server …');
const { createServer } = await import('vite');
const server = await createServer({ root, server: { port: Number(values.port), host: values.host } });
await server.listen();

// WebGPU exists on https, localhost and 127.0.0.1 only, so this is the address to open on this machine.
const { local, network } = server.resolvedUrls ?? { local: [], network: [] };
console.log(`\ngradlens is served at\n\n  ${[...local, ...network].join('\n  ')}\n\nCtrl+C ends it.`);
