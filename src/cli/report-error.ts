import { inspect } from 'node:util';
import { redactCredentials } from '../http/credentials.js';
import { messageOf, UdfError } from '../model/errors.js';
import { escapeControls } from '../model/text.js';
import { say } from './print.js';

/**
 * Writes what went wrong to standard error as one line, and with `debug` its stack after it. Returns the exit code: 2
 * for a wrong command line, else 1.
 */
export function reportError(reason: unknown, debug: boolean): 1 | 2 {
  const message = messageOf(reason).replace(/\s*\n\s*/g, ' ');
  const code = reason instanceof UdfError ? reason.code : 'internal';
  const line =
    code !== 'internal' ? message : `defect: ${message}${debug ? '' : ' (--log-level debug shows where)'}`;
  say(`kapacitor-udf: ${redactCredentials(line)}`);
  if (debug) say(redactCredentials(inspect(reason)));
  return code === 'usage' ? 2 : 1;
}

/** Commander's own message, which may take two lines, as one of ours. */
export function usageMessage(text: string): string {
  const message = text
    .trim()
    .replace(/^error: /, '')
    .replace(/^(unknown option '[^'=]*)=.*'/s, "$1'") // its value may be a URL with a password
    .replace(/\s*\n\s*\(Did you mean (.*)\?\)$/s, ' (did you mean $1?)')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  return escapeControls(`kapacitor-udf: ${redactCredentials(message)}; --help shows the usage\n`);
}
