import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { tempDir } from '../support/temp-dir.js';

/** A script that claims standard output. It loads the built code, as any child process must. */
function script(directory: string, body: string): string {
  const claim = new URL('../../dist/src/transport/claim-stdout.js', import.meta.url);
  const path = join(directory, 'script.mjs');
  writeFileSync(
    path,
    `import { spawnSync } from 'node:child_process';
     import { writeSync } from 'node:fs';
     import { claimStdout } from ${JSON.stringify(claim)};
     const frames = claimStdout();
     ${body}`,
  );
  return path;
}

/** Runs it in a shell, whose pipes are like Kapacitor's, and returns what came out on either side. */
function runInShell(body: string, command = 'run | cat > out'): { out: string; errors: string } {
  const cwd = tempDir();
  const env = { ...process.env, NODE: process.execPath, SCRIPT: script(cwd, body) };
  const shell = `run() { "$NODE" "$SCRIPT" 2>&3; }; { ${command}; } 3>&1 | cat > errors`;
  execFileSync('sh', ['-c', shell], { cwd, env, timeout: 15_000 });
  return { out: readFileSync(join(cwd, 'out'), 'utf8'), errors: readFileSync(join(cwd, 'errors'), 'utf8') };
}

const printing = `
  console.log('by console');
  writeSync(1, 'by number\\n');
  spawnSync('sh', ['-c', 'echo by a child'], { stdio: 'inherit' });
  frames.end('frames');`;
const printed = { out: 'frames', errors: 'by console\nby number\nby a child\n' };

test('a pipe gets the frames alone; what is printed goes to standard error', () => {
  expect(runInShell(printing)).toEqual(printed);
});

test('a file gets the frames alone, after what it holds; what is printed goes to standard error', () => {
  const { out, errors } = runInShell(printing, 'echo before > out; run >> out');
  expect({ out, errors }).toEqual({ ...printed, out: `before\n${printed.out}` });
});

test('a file that others write at the same offset is left as it is', () => {
  const body = `console.log(frames === undefined ? 'not claimed' : 'claimed');`;
  const { out } = runInShell(body, '{ echo before; run; echo after; } > out');
  expect(out).toBe('before\nnot claimed\nafter\n');
});

test('code that prints more than a pipe holds waits for its reader instead of failing', () => {
  const { out, errors } = runInShell(`
    const text = Buffer.alloc(1_000_000, 'x');
    for (let at = 0; at < text.length;) at += writeSync(1, text, at);
    frames.end('frames');`);
  expect([out, errors.length]).toEqual(['frames', 1_000_000]);
});

test('more frames than a pipe holds wait for their reader while the event loop goes on', () => {
  const { out } = runInShell(
    `frames.end(Buffer.alloc(1_000_000, 'x'));
     setImmediate(() => console.log('goes on'));`,
    'run | { until grep -q "goes on" errors; do :; done; cat; } > out',
  );
  expect(out.length).toBe(1_000_000);
});

test('where standard output is a socket, nothing is claimed and nothing changed', async () => {
  const path = script(tempDir(), 'console.log(frames);');
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const out = text(child.stdout);
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(await out).toBe('undefined\n');
});
