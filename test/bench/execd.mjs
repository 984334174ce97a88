// Points a second through `execd`, in CPU time of its process, with lines as Telegraf writes them: 3 tags, 3 fields, times in
// nanoseconds. What a run of a quarter of the lines takes, to start and to compile, is subtracted.
// `node test/bench/execd.mjs [LINES]`; needs `npm run build`.
import { spawn } from 'node:child_process';
import { writeFileSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory, tied } from './clean-up.mjs';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const lines = Number(process.argv[2] ?? 2_000_000);
const warmLines = Math.floor(lines / 4);
const directory = temporaryDirectory('execd-bench-');
const file = join(directory, 'lines.lp');
const warmFile = join(directory, 'warm.lp');
const probe = join(directory, 'probe.mjs');

/** Seeded, so that every run has the same lines. */
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x7fff_ffff;
  };
}

/** 100 series; the state of a series changes every tenth time. */
function writeLines(file, lines) {
  const random = createRandom(1);
  const states = new Map();
  const start = 1_514_979_051_065_000_000n;
  const chunk = [];
  for (let index = 0; index < lines; index++) {
    const series = index % 100;
    if (random() < 0.1) states.set(series, !states.get(series));
    const host = `router${Math.floor(series / 5)}`;
    const state = states.get(series) ? 'TRAINING' : 'SHOWTIME';
    const idle = (random() * 100).toFixed(4);
    const errors = Math.floor(random() * 1000);
    const time = start + BigInt(index) * 1_000_000n;
    chunk.push(
      `adsl,host=${host},port=p${series % 5},region=eu-central idle=${idle},errors=${errors}i,state="${state}" ${time}\n`,
    );
    if (chunk.length === 10_000) writeFileSync(file, chunk.splice(0).join(''), { flag: 'a' });
  }
  writeFileSync(file, chunk.join(''), { flag: 'a' });
}

function writeProbe() {
  writeFileSync(
    probe,
    "import { writeSync } from 'node:fs';\nprocess.on('exit', () => {\n  const { user, system } = process.cpuUsage();\n  writeSync(2, `cpu ${user + system}\\n`);\n});\n",
  );
}

/** Runs `execd` between pipes; resolves with its seconds of CPU and of wall time. */
function run(args, file) {
  const input = openSync(file, 'r');
  const command = `cat | "$0" --import "${probe}" "$@" | cat > /dev/null`;
  const start = performance.now();
  const child = tied(
    spawn('sh', ['-c', command, process.execPath, main, 'execd', ...args, '--log-level', 'warn'], {
      stdio: [input, 'inherit', 'pipe'],
    }),
  );
  closeSync(input);
  let log = '';
  child.stderr.on('data', (text) => {
    log += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const cpu = /^cpu (\d+)$/m.exec(log)?.[1];
      if (code !== 0 || cpu === undefined) reject(new Error(`execd failed:\n${log}`));
      else resolve({ cpu: Number(cpu) / 1e6, wall: (performance.now() - start) / 1000 });
    });
  });
}

writeLines(file, lines);
writeLines(warmFile, warmLines);
writeProbe();
const measured = lines - warmLines;
for (const args of [
  ['edgeDetect', '--set', 'field=state'],
  ['mirror'],
  ['movingAverage', '--set', 'field=idle', 'size=10'],
]) {
  const rates = [];
  for (let round = 0; round < 3; round++) {
    const warm = await run(args, warmFile);
    const { cpu, wall } = await run(args, file);
    rates.push({ perCpuSecond: measured / (cpu - warm.cpu), perSecond: measured / (wall - warm.wall) });
  }
  rates.sort((one, other) => one.perCpuSecond - other.perCpuSecond);
  const { perCpuSecond, perSecond } = rates[1];
  const shown = (rate) => Math.round(rate).toLocaleString('en');
  console.log(
    `${args[0].padEnd(14)} ${shown(perCpuSecond)} points per CPU second (median of 3), ${shown(perSecond)} points a second`,
  );
}
