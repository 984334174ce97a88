import { spawn } from 'node:child_process';

/**
 * Starts this command once more with standard output as its descriptor 3 and standard error as its descriptor 1, for
 * where `claimStdout` cannot do that within one process. Returns the exit code once it has ended.
 */
export function relayStdout(): Promise<number> {
  const { execPath, execArgv } = process;
  const [, script, command, ...rest] = process.argv as [string, string, string, ...string[]]; // as main.ts read it
  const args = [...execArgv, script, command, '--frames-fd', '3', ...rest];
  const again = spawn(execPath, args, { stdio: [0, 2, 2, 1] });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      again.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    again.once('error', reject);
    again.once('exit', (code) => {
      resolve(code ?? 1); // none: a signal has ended it
    });
  });
}
