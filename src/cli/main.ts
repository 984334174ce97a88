#!/usr/bin/env node
import { tuneV8 } from '../host/tune-v8.js';
import { exitOnOutputError } from './print.js';
import { runProgram } from './program.js';

tuneV8();
const args = process.argv.slice(2);
// `stdio` and `execd` claim standard output for data, and nothing may touch it before.
if (args[0] !== 'stdio' && args[0] !== 'execd') exitOnOutputError();
const code = await runProgram(args);
// What could not be written is reported in the next turn of the event loop.
await new Promise(setImmediate);
// A loaded module may hold timers or connections that would keep the process running.
process.exit(code === 0 ? process.exitCode : code);
