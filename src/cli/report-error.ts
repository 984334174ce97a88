import { inspect } from 'node:util';
import { messageOf, UdfError } from '../errors.js';
import { UsageError } from './usage-error.js';

/**
 * Writes what went wrong to standard error as one line, and with `debug` its stack after it. Returns the exit code: 2
 * for a wrong command line, else 1.
 */
export function reportError(reason: unknown, debug: boolean): 1 | 2 {
  const message = messageOf(reason).replace(/\s*\n\s*/g, ' ');
  const explained =
    reason instanceof UsageError || (reason instanceof UdfError && reason.code !== 'internal');
  const line = explained ? message : `defect: ${message}${debug ? '' : ' (--log-level debug shows where)'}`;
  process.stderr.write(`kapacitor-udf: ${line}\n`);
  if (debug) process.stderr.write(`${inspect(reason)}\n`);
  return reason instanceof UsageError ? 2 : 1;
}
