/** What can go wrong, as a closed set that a program may switch on. */
export type UdfErrorCode =
  /** A definition, or a call of this package's API, is wrong. A mistake in code. */
  | 'invalid_argument'
  /** The options of a TICKscript do not fit the UDF. */
  | 'invalid_options'
  /** A configuration file, or what a command line names, cannot be used. */
  | 'invalid_config'
  /** Arguments of a command are wrong or contradict each other. The command exits with 2. */
  | 'usage'
  /** A module with UDFs cannot be loaded. */
  | 'invalid_module'
  /** Bytes that are not what the protocol says. The connection ends. */
  | 'malformed'
  /** Well-formed messages in an order that the protocol forbids. The connection ends. */
  | 'protocol'
  /** A configured limit was passed. The connection ends. */
  | 'limit'
  /** A UDF's handler threw, or emitted what it may not; its error policy decides what follows. */
  | 'handler'
  /** A handler took longer than it may. The connection ends. */
  | 'handler_timeout'
  /** A snapshot ends early. As with the four below, state starts afresh, or strict mode refuses. */
  | 'snapshot_truncated'
  /** A snapshot whose bytes are not those that were written. */
  | 'snapshot_damaged'
  /** A snapshot was not written by this UDF. */
  | 'snapshot_foreign'
  /** A snapshot was written by a newer version, of this package, of the UDF or of Node.js. */
  | 'snapshot_newer'
  /** A snapshot that the UDF's `migrate` could not bring up to date. */
  | 'snapshot_migration'
  /** Another process answers on the socket. */
  | 'socket_in_use'
  /** The path holds something that is not a socket. */
  | 'socket_not_a_socket'
  /** The path is longer than the system allows for a Unix socket. */
  | 'socket_path_too_long'
  /** The system does not let us use the path. */
  | 'socket_permission'
  /** Any other failure of a socket. */
  | 'socket_failed'
  /** The peer went away in the middle of something, or a server cannot be reached. */
  | 'connection'
  /** A server understood what was asked of it and refused. */
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

/** `ENOENT: no such file or directory, open '/x'`: Node's own, whose code and call say nothing to a user. */
const systemMessage = /^E[A-Z0-9]+: (.+?), [a-z]+(?: '.*')?$/s;

/** The text of any thrown value; of an error of the file system, what is wrong with the file. Never throws. */
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

/** What `read` returns, or `undefined` if it throws: getters and Proxies of a thrown value run code of others. */
function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
