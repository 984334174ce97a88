import { isUdfError, messageOf, systemCode, UdfError, type UdfErrorCode } from '../../../model/errors.js';
import type { PlainError } from './messages.js';

/** Max depth of causes that cross; a chain may be circular. */
const maxCauses = 4;

/** An error as plain data. Never throws, whatever was thrown. */
export function plainError(reason: unknown, causes: number = maxCauses): PlainError {
  const message = messageOf(reason);
  try {
    const isError = reason instanceof Error;
    return {
      code: isUdfError(reason) ? reason.code : (systemCode(reason) ?? 'handler'),
      message,
      stack: isError ? reason.stack : undefined,
      cause:
        isError && reason.cause !== undefined && causes > 0
          ? plainError(reason.cause, causes - 1)
          : undefined,
    };
  } catch {
    return { code: 'handler', message, stack: undefined, cause: undefined };
  }
}

/** The error that was made plain in another thread, with its stack there. */
export function errorFrom({ code, message, stack, cause }: PlainError): UdfError {
  // Any other code is a system error's (ENOENT, …), which is kept as it is for the log.
  const error = new UdfError(code as UdfErrorCode, message, {
    cause: cause === undefined ? undefined : errorFrom(cause),
  });
  if (stack !== undefined) error.stack = stack;
  return error;
}
