import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

const exits = 'it calls process.exit(0) while it is loaded; remove the call';
const endless = 'a top-level await waits for what never comes';

const modules = [
  ['calls process.exit', 'process.exit(0);', exits],
  ['calls process.exit by its name', "import { exit } from 'node:process';\nexit(0);", exits],
  [
    'calls process.exit in a callback',
    'setTimeout(() => process.exit(0), 1);\nawait new Promise((done) => setTimeout(done, 10_000));',
    exits,
  ],
  ['waits forever', 'await new Promise(() => {});', endless],
  [
    'throws in a callback',
    "setTimeout(() => { throw new Error('too late'); }, 1);\nawait new Promise((done) => setTimeout(done, 10_000));",
    'too late',
  ],
] as const;

const commands = [
  ['replay', ['replay', 'points.lp', '--udf', 'mirror']],
  ['list', ['list']],
  ['execd', ['execd', 'mirror']],
  ['stdio', ['stdio', 'mirror']],
  ['serve', ['serve', '--socket-dir', 'sockets']],
  ['serve --isolate', ['serve', '--isolate', '--socket-dir', 'sockets']],
  [
    'kafka',
    ['kafka', 'mirror', '--brokers', '127.0.0.1:1', '--from', 'a', '--to', 'b', '--consumer-group', 'c'],
  ],
] as const;

describe.each(modules)(
  'a module that %s while it is loaded is named, and ends with 1',
  (_what, source, text) => {
    test.each(commands)('%s', async (_name, args) => {
      const cwd = tempDir();
      writeFileSync(join(cwd, 'points.lp'), 'm v=1 1\n');
      writeFileSync(join(cwd, 'odd.mjs'), source);
      const { code, stdout, stderr } = await runCli([...args, '--load', './odd.mjs'], { cwd });
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stderr).toContain('odd.mjs');
      expect(stderr).toContain(text);
    });
  },
);
