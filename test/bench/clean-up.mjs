import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const actions = new Set();

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
process.on('exit', () => {
  for (const action of [...actions].reverse()) action(); // what is in a directory is removed before it
});

/** Has something synchronous done when this process ends, also by a signal; returns a function that takes that back. */
export function atExit(action) {
  actions.add(action);
  return () => actions.delete(action);
}

/** Ends a child process with this one at the latest, and returns it. */
export function tied(child) {
  child.once(
    'exit',
    atExit(() => child.kill('SIGKILL')),
  );
  return child;
}

/** Makes a directory that is removed when this process ends. */
export function temporaryDirectory(prefix) {
  const directory = mkdtempSync(join(tmpdir(), prefix));
  atExit(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
