/** `npm start`: installs what is missing and serves the page. `--port` and `--host` go to Vite. */
import { parseArgs } from 'node:util';
import { installPackages, root } from './system.mjs';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '5173' }, host: { type: 'string', default: '127.0.0.1' } },
});

installPackages();
const { createServer } = await import('vite');
const server = await createServer({ root, server: { port: Number(values.port), host: values.host } });
await server.listen();

// WebGPU exists on https, localhost and 127.0.0.1 only, so this is the address to open on this machine.
const { local, network } = server.resolvedUrls ?? { local: [], network: [] };
console.log(`\ngradlens is served at\n\n  ${[...local, ...network].join('\n  ')}\n\nCtrl+C ends it.`);
