/** `npm run bench:kapacitor`: UDFs in front of a real Kapacitor; see README.md beside this file. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkoutAgent, Server } from './agents.mjs';
import { temporaryDirectory } from './clean-up.mjs';
import { Kapacitord } from './kapacitor/kapacitord.mjs';
import { createLoad } from './kapacitor/load.mjs';
import { subjects } from './kapacitor/subjects.mjs';
import { cpuSeconds } from './load/process-usage.mjs';
import { spread } from './statistics.mjs';
import { createYardstick } from './yardstick.mjs';

const usage = `Usage: npm run bench:kapacitor -- [options]
  --points N      points a round: 300000 if not given
  --rounds N      rounds of each subject: 6 if not given
  --only PATTERN  the subjects whose name matches, beside the echo agent, such as 'mirror'
  --isolate       our UDFs in workers too
  --root DIR      measure the checkout there, already built, instead of this one
  --json FILE     write every round's numbers there

KAPACITORD names the daemon's program if it is not on the PATH.`;

const here = fileURLToPath(new URL('../../', import.meta.url));

async function main() {
  const options = readOptions();
  const directory = temporaryDirectory('kudf-bench-');
  const running = [];
  try {
    const yardstick = createYardstick(directory);
    const echo = await start(running, yardstick.agent, directory);
    const plain = checkoutAgent('plain', options.root);
    const host = await start(running, plain, directory);
    const isolated = options.isolate
      ? await start(running, checkoutAgent('isolated', options.root, ['--isolate']), directory)
      : undefined;
    const chosen = subjects({ echo, host, isolated, processes: { echo: yardstick.agent, plain } }).filter(
      ({ name, reference }) => reference || options.only === undefined || new RegExp(options.only).test(name),
    );
    const daemon = await Kapacitord.start(join(directory, 'kapacitor'), chosen);
    running.push(daemon);
    const load = createLoad([options.points / 2, options.points]);
    const rounds = await takeRounds(chosen, daemon, load, options.rounds);
    print(chosen, rounds, { ...options, yardstick: yardstick.kind, daemon: daemon.version });
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(rounds, undefined, 1));
  } finally {
    for (const each of running.reverse()) await each.stop();
  }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      points: { type: 'string', default: '300000' },
      rounds: { type: 'string', default: '6' },
      only: { type: 'string' },
      isolate: { type: 'boolean', default: false },
      root: { type: 'string', default: here },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const [points, rounds] = [Number(values.points), Number(values.rounds)];
  if (!(points >= 1000 && rounds >= 1))
    throw new Error('--points must be at least 1000, --rounds at least 1');
  return { ...values, points, rounds };
}

async function start(running, agent, directory) {
  const server = await Server.start(agent, undefined, mkdtempSync(join(directory, 's')));
  running.push(server);
  return server;
}

/** Every subject in turn, round by round after a warm-up, so that what disturbs the machine disturbs all alike. */
async function takeRounds(chosen, daemon, load, count) {
  const rounds = Object.fromEntries(chosen.map(({ name }) => [name, []]));
  for (let round = -1; round < count; round++) {
    for (const subject of chosen) {
      process.stderr.write(`round ${round + 1} of ${count}: ${subject.name}\n`);
      const measured = await measure(subject, daemon, load);
      if (round >= 0) rounds[subject.name].push(measured);
    }
  }
  return rounds;
}

/** The first part of the load is not measured: V8 compiles the code of a new child process meanwhile. */
async function measure(subject, daemon, [warmUp, measured]) {
  await daemon.enable(subject);
  await pass(subject, daemon, warmUp);
  const pids = { daemon: daemon.pid, agent: subject.pid ?? daemon.childPids()[0] };
  const before = usageOf(pids);
  const start = performance.now();
  await pass(subject, daemon, measured);
  const seconds = (performance.now() - start) / 1000;
  const after = usageOf(pids);
  await daemon.disable(subject);
  const points = measured.total.points - warmUp.total.points;
  return {
    pointsPerSecond: points / seconds,
    daemonCpu: ((after.daemon - before.daemon) / points) * 1e6,
    agentCpu: ((after.agent - before.agent) / points) * 1e6,
  };
}

async function pass(subject, daemon, { streams, total }) {
  await daemon.write(streams);
  await daemon.passed(subject, total[subject.passes]);
}

function usageOf(pids) {
  return {
    daemon: cpuSeconds(pids.daemon),
    agent: pids.agent === undefined ? 0 : cpuSeconds(pids.agent),
  };
}

function print(chosen, rounds, { points, rounds: count, yardstick, daemon }) {
  console.log(`\n${daemon}, Node ${process.version}, ${cpus().length} cores; yardstick: ${yardstick}.`);
  console.log(`${points.toLocaleString('en')} points a round; median of ${count} rounds (least to most).\n`);
  const reference = rounds[chosen.find((subject) => subject.reference).name];
  const heads = ['', 'points/s', 'of the echo agent', 'CPU s a million: Kapacitor', 'agent'];
  const rows = chosen.map(({ name }) => {
    const own = rounds[name];
    const ratio = spread(
      own.map(({ pointsPerSecond }, at) => pointsPerSecond / reference[at].pointsPerSecond),
    );
    const of = (metric) => spread(own.map((round) => round[metric])).median;
    return [
      name,
      Math.round(of('pointsPerSecond')).toLocaleString('en'),
      `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`,
      of('daemonCpu').toFixed(1),
      of('agentCpu').toFixed(2),
    ];
  });
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at].length)));
  for (const row of [heads, ...rows])
    console.log(
      row
        .map((cell, at) => cell.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    );
}

await main().catch((reason) => {
  process.stderr.write(`${reason.message}\n`);
  process.exitCode = 1;
});
