import { messageOf, systemCode, UdfError } from '../model/errors.js';

/** Causes of causes that are logged; a chain may even be a circle. */
const maxCauses = 4;

/**
 * An error as it is logged. A `UdfError` explains itself to the one whose mistake it is, so unless `stacks` is set its
 * code and message are all; a defect comes with its stack and its causes.
 */
export function errorDetails(reason: unknown, stacks: boolean): object {
  if (reason instanceof UdfError && reason.code !== 'internal' && !stacks) {
    return { code: reason.code, message: reason.message };
  }
  return withCauses(reason, maxCauses);
}

function withCauses(reason: unknown, causes: number): object {
  if (!(reason instanceof Error)) return { message: messageOf(reason) };
  const code = systemCode(reason); // also a UdfError's: both are strings in `code`
  return {
    ...(code !== undefined && { code }),
    message: messageOf(reason),
    stack: reason.stack,
    ...(reason.cause !== undefined && causes > 0 && { cause: withCauses(reason.cause, causes - 1) }),
  };
}
