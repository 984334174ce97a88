/** `npm run bench`: see README.md beside this file. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkoutAgent } from './agents.mjs';
import { temporaryDirectory } from './clean-up.mjs';
import { checkOut } from './compare.mjs';
import { Generator } from './generator.mjs';
import { measurements, titleOf } from './measure/plan.mjs';
import { printReport } from './report.mjs';
import { createYardstick } from './yardstick.mjs';

const usage = `Usage: npm run bench -- [options]
  --quick         the main measurements only, in less than a minute
  --only PATTERN  the measurements whose title matches, such as 'edgeDetect' or 'round trip'
  --compare REV   measure another commit in the same run
  --isolated      measure UDFs in workers (serve --isolate) in the same run
  --json FILE     write the results there, for npm run bench:table
  --rounds N      rounds of each measurement: 6 if not given, 3 with --quick
  --seconds S     seconds a round: 0.5 if not given, 0.25 with --quick
  --root DIR      measure the checkout there, already built, instead of this one`;

const here = fileURLToPath(new URL('../../', import.meta.url));

async function main() {
  const options = readOptions();
  const { quick, only, compare, json, root = here } = options;
  const chosen = measurements({ quick, only });
  if (chosen.length === 0) throw new Error(`nothing matches ${only}`);
  const directory = temporaryDirectory('kudf-bench-');
  const generator = new Generator();
  try {
    const yardstick = createYardstick(directory);
    const agents = [yardstick.agent, checkoutAgent('this', root)];
    if (options.isolated) agents.push(checkoutAgent('isolated', root, ['--isolate']));
    const other = compare === undefined ? undefined : checkOut(here, compare, directory);
    if (other) agents.push(checkoutAgent(other.label, other.root));
    const about = {
      format: 1,
      at: new Date().toISOString(),
      commit: describe(root),
      compared: other?.label,
      yardstick: yardstick.kind,
      node: process.version,
      machine: `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`,
      loadBefore: loadavg()[0],
      quick,
      rounds: options.rounds,
      seconds: options.seconds,
    };
    const results = [];
    const bench = { agents, generator, directory, ...options };
    for (const [index, measurement] of chosen.entries()) {
      process.stderr.write(`${index + 1}/${chosen.length} ${titleOf(measurement)}\n`);
      results.push(await measured(measurement, bench));
    }
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ ...about, results }, undefined, 1)}\n`);
    printReport({ ...about, results });
    if (results.some(({ error }) => error !== undefined)) process.exitCode = 1;
  } finally {
    generator.stop();
  }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      compare: { type: 'string' },
      isolated: { type: 'boolean', default: false },
      json: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      root: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const { quick } = values;
  return {
    ...values,
    rounds: positive('--rounds', values.rounds, quick ? 3 : 6),
    seconds: positive('--seconds', values.seconds, quick ? 0.25 : 0.5),
    processes: quick ? 1 : 3,
    groups: quick ? 100_000 : 1_000_000,
  };
}

function positive(name, text, otherwise) {
  const number = text === undefined ? otherwise : Number(text);
  if (!(number > 0)) throw new Error(`${name} must be a number above 0, got ${text}`);
  return number;
}

/** One that fails does not take the others with it. */
async function measured({ kind, udf, variant, run }, bench) {
  try {
    return { kind, udf, variant, metrics: await run(bench) };
  } catch (reason) {
    return { kind, udf, variant, error: reason.message };
  }
}

function describe(root) {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: root,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch {
    return 'unknown'; // not a git checkout
  }
}

await main().catch((reason) => {
  process.stderr.write(`${reason.message}\n`);
  process.exitCode = 1;
});
