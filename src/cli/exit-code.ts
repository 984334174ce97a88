import type { UdfError } from '../model/errors.js';

/** Thrown by a command to exit with this code without a further message. */
export class ExitCode extends Error {
  override readonly name = 'ExitCode';
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

/** The exit code for what ends a UDF that the command line sets up: options that it refuses are a wrong command line, too. */
export function udfExitCode({ code }: UdfError): 1 | 2 {
  return code === 'usage' || code === 'invalid_options' ? 2 : 1;
}
