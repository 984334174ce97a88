#!/usr/bin/env node
import { runProgram } from './program.js';
import { tuneV8 } from '../host/tune-v8.js';

tuneV8();
const args = process.argv.slice(2);
// `stdio` claims standard output for frames, and must be the first to touch it.
if (args[0] !== 'stdio') {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read the output has seen enough (`list | head`).
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
}
// A loaded module may hold timers or connections that would keep the process; so it exits by itself.
process.exit(await runProgram(args));
