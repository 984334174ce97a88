import { messageOf } from '../model/errors.js';
import { escapeControls } from '../model/text.js';

/**
 * Writes a result to standard output, with control characters escaped, and resolves once it is written: the process ends right after. Never resolves if
 * that fails, since `exitOnOutputError` ends the process.
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${escapeControls(text)}\n`, (error) => {
      if (!error) resolve();
    });
  });
}

/** As JSON that people can read too. */
export function printJson(value: unknown): Promise<void> {
  return print(JSON.stringify(value, null, 2));
}

/**
 * Ends the process when standard output cannot be written: with exit code 0 and no message if its reader has closed it
 * (`list | head`), else with a message and exit code 1.
 */
export function exitOnOutputError(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`kapacitor-udf: cannot write to standard output: ${messageOf(error)}\n`);
    process.exit(1);
  });
}

/** Writes a line to standard error, with control characters escaped. */
export function say(text: string): void {
  process.stderr.write(`${escapeControls(text)}\n`);
}

/** Prints up to `max` messages with `write`, then the notice once. */
export function limitMessages(
  max: number,
  notice: string,
  write: (text: string) => void = say,
): (message: string) => void {
  let count = 0;
  return (message) => {
    count++;
    if (count <= max) write(message);
    if (count === max) write(notice);
  };
}
