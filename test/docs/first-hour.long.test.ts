import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { cli, runCli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { codeBlocks, fileNameOf, root } from './support/code-blocks.js';
import { shellCommands } from './support/shell-commands.js';

const page = codeBlocks.filter((block) => block.page === 'docs/first-hour.md');
const commands = page.filter(({ language }) => language === 'sh').flatMap(shellCommands);

/** Commands that fetch from the network, or need servers or a terminal: of these, only the command line is checked. */
const elsewhere =
  /^(git clone|npm (install|run demo)|cd|alias|sudo|npx kapacitor-udf (doctor|tasks|feed)|npm run test:script)\b/;

/** Puts packages where `npm install` would, from those of this project. */
function install(project: string): void {
  const packages = join(project, 'node_modules');
  mkdirSync(join(packages, '.bin'), { recursive: true });
  const installed = join(root, 'node_modules');
  for (const name of readdirSync(installed)) {
    if (name.startsWith('.')) continue;
    symlinkSync(join(installed, name), join(packages, name));
  }
  symlinkSync(root, join(packages, 'kapacitor-udf'));
  symlinkSync(cli, join(packages, '.bin/kapacitor-udf'));
  for (const name of ['tsc', 'vitest'])
    symlinkSync(join(installed, '.bin', name), join(packages, '.bin', name));
}

/** Runs a command of the page in the project. Rejects with its output if it fails. */
async function runIn(project: string, command: string): Promise<string> {
  // A runner within another one must not take the outer one's settings for its own.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command], { cwd: project, env });
  return stdout + stderr;
}

/** Runs a command that serves, until the test is over. Rejects with its output if it ends before it is ready. */
async function serveIn(project: string, command: string): Promise<void> {
  const host = spawn('bash', ['-c', command], { cwd: project, detached: true });
  onTestFinished(() => {
    if (host.exitCode === null) process.kill(-host.pid!, 'SIGKILL'); // npm does not pass signals on: the whole group
  });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    for (const stream of [host.stdout, host.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('"msg":"ready"')) resolve();
      });
    }
    host.once('close', () => {
      reject(new Error(output));
    });
  });
}

function blockNamed(name: string): string {
  return page.find((block) => fileNameOf(block) === name)!.text;
}

/** What step 3 tells to change. */
function change(project: string): void {
  for (const file of ['src/step-size.ts', 'test/small-steps.test.ts'])
    writeFileSync(join(project, file), blockNamed(file));
}

/** Without times and speeds, which differ from run to run. */
function comparable(text: string): string {
  return text
    .replaceAll(/[\d.]+ ?m?s\b/g, 'TIME')
    .replaceAll(/[\d,]+ points\/s/g, 'RATE')
    .replaceAll(/kapacitor-udf-\w{6}/g, 'DIRECTORY');
}

/** The lines of output that the page shows: all blocks whose text contains `part`. */
function shownLines(part: string): string[] {
  const blocks = page.filter(({ language, text }) => language === 'text' && text.includes(part));
  expect(blocks).not.toEqual([]);
  return blocks.flatMap(({ text }) => comparable(text).trimEnd().split('\n'));
}

test('the demo begins as the page shows', async () => {
  const { stdout } = await runCli(['demo'], { cwd: tempDir() });
  const shown = shownLines('A host serves');
  expect(comparable(stdout).split('\n').slice(0, shown.length)).toEqual(shown);
}, 60_000);

test('the first hour works word by word, as far as it needs neither network nor servers', async () => {
  const texts = [...new Set(commands.map(({ text }) => text))].filter((text) => !elsewhere.test(text));
  expect(texts).toEqual([
    'kapacitor-udf new stepSize',
    'npm test',
    'npx kapacitor-udf replay recordings/cpu.lp --load ./src/step-size.ts --udf stepSize --set field=usage',
    'npm run dev',
    'npx kapacitor-udf check stepSize --socket-dir sockets',
    'npm run --silent config | sudo tee -a /etc/kapacitor/kapacitor.conf',
  ]);
  const [create, runTests, replay, dev, check, config] = texts as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];

  const directory = tempDir();
  expect((await runCli(create.split(' ').slice(1), { cwd: directory })).code).toBe(0);
  const project = join(directory, 'step-size');
  install(project);
  expect(await runIn(project, runTests)).toMatch(/Tests .*2 passed/);
  change(project);
  const tests = await runIn(project, `NO_COLOR=1 ${runTests}`);
  expect(tests).toMatch(/Tests .*3 passed/);
  for (const line of shownLines('test/step-size.test.ts')) expect(comparable(tests)).toContain(line);
  const replayed = comparable(await runIn(project, replay)).split('\n');
  expect(replayed).toEqual(expect.arrayContaining(shownLines('points in')));

  await serveIn(project, dev);
  expect(
    comparable(await runIn(project, check))
      .trimEnd()
      .split('\n'),
  ).toEqual(shownLines('ok  '));
  expect(await runIn(project, config.split(' | ')[0]!)).toContain('[udf.functions.stepSize]');
}, 240_000);
