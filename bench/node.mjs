/**
 * `node bench/node.mjs`: the benchmark in Node, on Dawn. Same flags, same report as in the browser; `--help` lists
 * them. Each case runs in a process of its own, so that every cold start is one.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { casesOf, finish, loadModules, options, readFlags, runCases, show, stamped } from './command.mjs';
import { benchServer } from './nodeServer.mjs';
import { killGroup } from './supervise.mjs';

const { values, entries } = readFlags('system, lavapipe or swiftshader; default: a GPU if there is one');
const server = await benchServer();
const modules = await loadModules(server);
const chosen = options(modules, entries);

const report = await runCases(modules, chosen, casesOf(chosen, entries), values, start);
const code = finish(modules, stamped(report, values.adapter ? [`--adapter ${values.adapter}`] : []), values);
await server.close();
process.exit(code);

/** @type {import('./command.mjs').Start} */
async function start(query, tell) {
  const child = fork(join(import.meta.dirname, 'nodeCase.mjs'), [], {
    detached: true, // leads a group, which can be ended as one
    // Mesa keeps compiled shaders on disk, which would make the second cold start a warm one
    env: { MESA_SHADER_CACHE_DISABLE: 'true', ...process.env },
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  child.send({ query: query.toString(), adapter: values.adapter });
  const done = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => reject(new Error(`its process ended with ${signal ?? `code ${code}`}`)));
    child.on('message', (/** @type {import('./nodeCase.mjs').Message} */ message) => {
      if ('report' in message) return resolve(message.report);
      tell(message.contender);
      show(message.sentence);
    });
  });
  const pid = /** @type {number} */ (child.pid);
  return { pid, done, kill: () => killGroup(pid) };
}
