/**
 * Runs the job files of docs/many.md as schedulers run them, on this machine, and checks that every picture came out
 * exactly once: Slurm's own controller and node daemon with two tasks of an array at once (Debian's packages
 * `slurm-wlm` and `munge`; as root), and two processes with the environment of an indexed job's pods.
 *
 *   node scripts/schedulers.mjs [slurm] [kubernetes]      both, if neither is named
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const guide = readFileSync(join(root, 'docs/many.md'), 'utf8');
const PICTURES = 12;
const SAMPLES = ['church', 'gas-pump', 'parachute'];

/** A job file, as the guide has it. */
const jobFile = (/** @type {string} */ scheduler) => {
  const found = new RegExp(`<!-- ${scheduler} -->\\s*\`\`\`\\w+\\n(.*?)\`\`\``, 's').exec(guide);
  if (!found) throw new Error(`docs/many.md has no job file for ${scheduler}`);
  return found[1];
};

/** @param {string} name @param {string[]} args @param {Record<string, string>} [env] */
function run(name, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(name, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${error?.message ?? `exit code ${status}\n${stderr}`}`);
  return stdout.trim();
}

const pause = (/** @type {number} */ milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Pictures, and a command `gradlens` that runs this checkout. */
function prepare() {
  const folder = mkdtempSync(join(tmpdir(), 'gradlens-schedulers-'));
  mkdirSync(join(folder, 'photos'));
  for (let k = 0; k < PICTURES; k++)
    cpSync(
      join(root, `samples/imagenette/${SAMPLES[k % SAMPLES.length]}.jpg`),
      join(folder, `photos/p${String(k).padStart(2, '0')}.jpg`),
    );
  mkdirSync(join(folder, 'bin'));
  const command = join(folder, 'bin/gradlens');
  writeFileSync(command, `#!/bin/sh\nexec ${process.execPath} ${join(root, 'bin/gradlens.js')} "$@"\n`);
  chmodSync(command, 0o755);
  return { folder, command, path: `${join(folder, 'bin')}:${process.env.PATH}` };
}

/** @param {string} command @param {string} maps */
function check(command, maps) {
  run(command, ['merge', join(maps, 'saliency.*-of-2.jsonl'), '--out', join(maps, 'saliency.jsonl')]);
  const lines = readFileSync(join(maps, 'saliency.jsonl'), 'utf8').trim().split('\n');
  const pictures = lines.map((line) => basename(JSON.parse(line).picture));
  const maps_ = readdirSync(maps).filter((name) => name.endsWith('.png'));
  if (new Set(pictures).size !== PICTURES || lines.length !== PICTURES || maps_.length !== PICTURES)
    throw new Error(`${lines.length} lines and ${maps_.length} maps for ${PICTURES} pictures`);
  const parts = [0, 1].map(
    (part) =>
      readFileSync(join(maps, `saliency.${part}-of-2.jsonl`), 'utf8')
        .trim()
        .split('\n').length,
  );
  return `${PICTURES} pictures exactly once, ${parts.join(' + ')}`;
}

async function slurm() {
  const { folder, command, path } = prepare();
  const at = (/** @type {string} */ name) => join(folder, name);
  const conf = at('slurm.conf');
  const cores = Math.max(2, cpus().length);
  writeFileSync(
    conf,
    [
      'ClusterName=test',
      `SlurmctldHost=${hostname()}(127.0.0.1)`,
      'SlurmctldPort=26817',
      'SlurmdPort=26818',
      'SlurmUser=root',
      'AuthType=auth/munge',
      `AuthInfo=socket=${at('munge.socket')}`,
      `StateSaveLocation=${at('state')}`,
      `SlurmdSpoolDir=${at('spool')}`,
      `SlurmctldPidFile=${at('slurmctld.pid')}`,
      `SlurmdPidFile=${at('slurmd.pid')}`,
      'ProctrackType=proctrack/linuxproc',
      'TaskPlugin=task/none',
      'SelectType=select/cons_tres',
      'SelectTypeParameters=CR_Core',
      'SchedulerParameters=sched_interval=1',
      'SlurmdParameters=config_overrides',
      'ReturnToService=2',
      'MpiDefault=none',
      `NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=${cores} State=UNKNOWN`,
      `PartitionName=all Nodes=${hostname()} Default=YES MaxTime=INFINITE State=UP`,
      '',
    ].join('\n'),
  );
  for (const name of ['state', 'spool']) mkdirSync(at(name));
  writeFileSync(at('munge.key'), Buffer.alloc(1024, process.pid.toString()), { mode: 0o400 });
  const env = { ...process.env, PATH: path, SLURM_CONF: conf, PICTURES: at('photos'), MAPS: at('maps') };
  /** @type {import('node:child_process').ChildProcess[]} */
  const daemons = [];
  let log = '';
  const start = (/** @type {string} */ name, /** @type {string[]} */ args) => {
    const daemon = spawn(name, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    daemon.on('error', (error) => (log += `${name}: ${error.message}\n`));
    for (const stream of [daemon.stdout, daemon.stderr]) stream.on('data', (text) => (log += String(text)));
    daemons.push(daemon);
  };
  try {
    chmodSync(folder, 0o755);
    start('munged', [
      ...['--foreground', '--force', '--socket', at('munge.socket'), '--key-file', at('munge.key')],
      ...['--pid-file', at('munge.pid'), '--seed-file', at('munge.seed'), '--log-file', at('munge.log')],
    ]);
    await pause(1000);
    start('slurmctld', ['-D', '-f', conf]);
    start('slurmd', ['-D', '-f', conf]);
    writeFileSync(at('job.sh'), jobFile('slurm'));
    let job = '';
    for (let attempt = 0; job === ''; attempt++) {
      await pause(1000);
      const { status, stdout, stderr } = spawnSync('sbatch', ['--parsable', `--chdir=${folder}`, at('job.sh')], {
        env,
        encoding: 'utf8',
      });
      if (status === 0) job = stdout.trim();
      else if (attempt > 20) throw new Error(`sbatch: ${stderr}`);
    }
    const shown = () => spawnSync('squeue', ['-h', '-j', job], { env, encoding: 'utf8' }).stdout.trim();
    let atOnce = 0;
    for (let waited = 0; shown() !== ''; waited++) {
      atOnce = Math.max(atOnce, (shown().match(/ R /g) ?? []).length);
      if (waited > 240) throw new Error(`the job does not end:\n${shown()}`);
      await pause(1000);
    }
    console.log(`Slurm, ${run('slurmctld', ['-V'])}: ${check(command, at('maps'))}; ${atOnce} tasks at once`);
  } catch (error) {
    for (const name of readdirSync(folder).filter((name) => /^maps-.*\.log$/.test(name)))
      console.error(`${name}:\n${readFileSync(at(name), 'utf8')}`);
    console.error(log.split('\n').slice(-30).join('\n'));
    throw error;
  } finally {
    for (const daemon of daemons.reverse()) daemon.kill('SIGTERM');
    await pause(1000);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function kubernetes() {
  const { folder, command, path } = prepare();
  try {
    const file = jobFile('kubernetes');
    const completions = Number(/completions: (\d+)/.exec(file)?.[1]);
    const script = /- \|\n((?: {14}.*\n)+)/.exec(file)?.[1].replace(/^ {14}/gm, '') ?? '';
    const told = /name: JOB_COMPLETIONS\n\s+value: "(\d+)"/.exec(file)?.[1] ?? '';
    if (Number(told) !== completions) throw new Error(`JOB_COMPLETIONS is ${told}, completions ${completions}`);
    const codes = await Promise.all(
      Array.from({ length: completions }, (_, index) => {
        const env = {
          ...process.env,
          PATH: path,
          JOB_COMPLETION_INDEX: String(index),
          JOB_COMPLETIONS: told,
          PICTURES: join(folder, 'photos'),
          MAPS: join(folder, 'maps'),
        };
        const pod = spawn('/bin/sh', ['-c', script], { env, stdio: ['ignore', 'ignore', 'inherit'] });
        return new Promise((resolve) => pod.on('close', resolve));
      }),
    );
    if (codes.some((code) => code !== 0)) throw new Error(`the pods ended with ${codes.join(' and ')}`);
    console.log(`Kubernetes, ${completions} pods' processes: ${check(command, join(folder, 'maps'))}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const chosen = process.argv.slice(2);
if (chosen.length === 0 || chosen.includes('slurm')) await slurm();
if (chosen.length === 0 || chosen.includes('kubernetes')) await kubernetes();
