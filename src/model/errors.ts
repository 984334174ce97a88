/** The codes of `UdfError`: a closed set that a program may switch on. */
export type UdfErrorCode =
  /** A definition or a call of this package's API is wrong: a mistake in code. */
  | 'invalid_argument'
  /** The options in a TICKscript do not match those of the UDF. */
  | 'invalid_options'
  /** A configuration file, or a file or value named on the command line, cannot be used. */
  | 'invalid_config'
  /** Arguments of a command are wrong or contradict each other. The command exits with 2. */
  | 'usage'
  /** A module with UDFs, or an optional library, cannot be loaded. */
  | 'invalid_module'
  /** Bytes are not a valid message of the protocol. The connection ends. */
  | 'malformed'
  /** Valid messages came in an order that the protocol forbids. The connection ends. */
  | 'protocol'
  /** A configured limit was exceeded. The connection ends. */
  | 'limit'
  /** A UDF's handler threw or emitted an invalid value; its error policy decides what follows. */
  | 'handler'
  /** A handler exceeded its time limit. The connection ends. */
  | 'handler_timeout'
  /**
   * A snapshot ends early. As with the four codes below: state starts afresh, or in strict mode the restore is refused.
   */
  | 'snapshot_truncated'
  /** A snapshot's bytes differ from those that were written. */
  | 'snapshot_damaged'
  /** A snapshot was not written by this UDF. */
  | 'snapshot_foreign'
  /** A snapshot was written by a newer version of this package, of the UDF or of Node.js. */
  | 'snapshot_newer'
  /** The UDF's `migrate` could not convert a snapshot. */
  | 'snapshot_migration'
  /** Another process answers on the socket. */
  | 'socket_in_use'
  /** The path exists and is not a socket. */
  | 'socket_not_a_socket'
  /** The path is longer than the system's limit for Unix sockets. */
  | 'socket_path_too_long'
  /** The system denies access to the path. */
  | 'socket_permission'
  /** Any other failure of a socket. */
  | 'socket_failed'
  /** The peer closed the connection too early, or a server cannot be reached. */
  | 'connection'
  /** A server understood a request and refused it. */
  | 'refused'
  /** None of the above: a defect of this package. */
  | 'internal';

/** The one class of error that this package throws. */
export class UdfError extends Error {
  override readonly name = 'UdfError';
  readonly code: UdfErrorCode;

  constructor(code: UdfErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /**
   * Any thrown value as a `UdfError`: itself if it is one, else wrapped under `code` with the value as its cause.
   * Never throws.
   */
  static from(reason: unknown, code: UdfErrorCode = 'internal'): UdfError {
    if (isUdfError(reason)) return reason;
    return new UdfError(code, messageOf(reason), { cause: reason });
  }
}

/** Whether a thrown value is a `UdfError`. Never throws, which `instanceof` may do with a Proxy. */
export function isUdfError(reason: unknown): reason is UdfError {
  return attempt(() => reason instanceof UdfError) ?? false;
}

/** Node's form, `ENOENT: no such file or directory, open '/x'`: the code and the system call mean nothing to a user. */
const systemMessage = /^E[A-Z0-9]+: (.+?), [a-z]+(?: '.*')?$/s;

/** The message of any thrown value; of a file system's error, only its reason. Never throws. */
export function messageOf(reason: unknown): string {
  return attempt(() => textOf(reason)) ?? 'an unprintable value was thrown';
}

function textOf(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason);
  const { message: own, name } = reason as { readonly message: unknown; readonly name: unknown }; // a subclass may redefine them
  const message = typeof own === 'string' && own !== '' ? own : String(name);
  return systemCode(reason) === undefined ? message : (systemMessage.exec(message)?.[1] ?? message);
}

/** The system's own error code (`ENOENT`, …) of a thrown value, if it has one. Never throws. */
export function systemCode(reason: unknown): string | undefined {
  const code = attempt(() => (reason instanceof Error ? (reason as NodeJS.ErrnoException).code : undefined));
  return typeof code === 'string' ? code : undefined;
}

/**
 * The result of `read`, or `undefined` if it throws: a thrown value may be a Proxy or have getters, which run any code.
 */
function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
