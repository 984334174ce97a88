/**
 * Fuzzes a target: npm run fuzz -- TARGET [seconds]
 *
 * Coverage-guided by Jazzer.js, which npx fetches. Its binary needs glibc 2.38; where it does not load, the target gets
 * random changes of the seeds instead, without guidance. An input that fails is written to test/fuzz/found.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const jazzer = '@jazzer.js/core@4.0.0';
const here = fileURLToPath(new URL('.', import.meta.url));
const targets = readdirSync(here)
  .filter((name) => name.endsWith('.fuzz.mjs'))
  .map((name) => name.replace('.fuzz.mjs', ''));
const [target, seconds = '60'] = process.argv.slice(2);
if (!targets.includes(target) || !(Number(seconds) > 0)) {
  process.stderr.write(`usage: npm run fuzz -- TARGET [seconds]; targets: ${targets.join(', ')}\n`);
  process.exit(2);
}
const file = join(here, `${target}.fuzz.mjs`);
const found = join(here, 'found');
const corpus = join(here, 'corpus', target);
for (const directory of [found, corpus]) mkdirSync(directory, { recursive: true });

const guided = spawnSync(
  'npx',
  [
    '--yes',
    `--package=${jazzer}`,
    'jazzer',
    file,
    corpus,
    '-i',
    'dist/',
    '-i',
    'smol-toml',
    '--',
    `-max_total_time=${seconds}`,
    `-artifact_prefix=${found}/`,
  ],
  { stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' },
);
if (guided.status === 0 || !/ERR_DLOPEN_FAILED|not found|E404|ENOTFOUND/.test(guided.stderr)) {
  process.stderr.write(guided.stderr);
  process.exit(guided.status ?? 1);
}
process.stderr.write(`${jazzer} does not run here: random changes without coverage instead\n`);
await fuzzUnguided();

async function fuzzUnguided() {
  const { fuzz } = await import(file);
  const recordings = fileURLToPath(new URL('../recordings', import.meta.url));
  const seeds = readdirSync(recordings, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)).subarray(0, 4096));
  seeds.push(Buffer.from('[udf.functions.a]\nsocket = "/tmp/a.sock"\ntimeout = "10s"\n'));
  const end = performance.now() + Number(seconds) * 1000;
  let runs = 0;
  for (; performance.now() < end; runs++) {
    const input = changed(seeds[random(seeds.length)], seeds);
    try {
      await fuzz(input);
    } catch (reason) {
      const path = join(found, `${target}-${Date.now()}`);
      writeFileSync(path, input);
      process.stderr.write(`${path}:\n`);
      throw reason;
    }
  }
  process.stdout.write(`${target}: ${runs} inputs, nothing found\n`);
}

function changed(seed, seeds) {
  let input = Buffer.from(seed.subarray(0, random(10) === 0 ? random(seed.length + 1) : seed.length));
  for (let changes = 1 + random(8); changes > 0 && input.length > 0; changes--) {
    const at = random(input.length);
    const kind = random(5);
    if (kind === 0) input[at] = random(256);
    else if (kind === 1) input[at] ^= 1 << random(8);
    else if (kind === 2) input = Buffer.concat([input.subarray(0, at), input.subarray(at + random(16))]);
    else if (kind === 3) input = Buffer.concat([input.subarray(0, at), input.subarray(at - random(at + 1))]);
    else {
      const other = seeds[random(seeds.length)];
      const from = random(other.length + 1);
      input = Buffer.concat([
        input.subarray(0, at),
        other.subarray(from, from + random(64)),
        input.subarray(at),
      ]);
    }
  }
  return input;
}

function random(below) {
  return Math.floor(Math.random() * below);
}
