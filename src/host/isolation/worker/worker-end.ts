import { UdfError } from '../../../model/errors.js';
import { authorPlace } from '../../../udf/author-place.js';

/** Why a worker has ended. */
export interface WorkerEnd {
  readonly cause: WorkerEndCause;
  /** A predicate, which messages put after "the worker": `called process.exit(1)`. */
  readonly text: string;
  readonly error?: UdfError | undefined;
}

/** As metrics name it. */
export type WorkerEndCause = 'error' | 'exit' | 'memory' | 'hung' | 'load' | 'lost';

/** The end by an uncaught error. */
export function endByError(reason: unknown, heapMb: number): WorkerEnd {
  if (reason instanceof Error && (reason as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return memoryEnd(heapMb, 'memory');
  }
  const error = UdfError.from(reason, 'handler');
  return {
    cause: 'error',
    text: `has thrown outside a handler: ${error.message}${authorPlace(reason)}`,
    error,
  };
}

/** The end of a hung worker. */
export function hungEnd(handlerMs: number): WorkerEnd {
  return { cause: 'hung', text: `has not returned from a handler within ${handlerMs} ms (handlerMs)` };
}

/** The end by too much memory of the kind `what`. */
export function memoryEnd(mebibytes: number, what: string): WorkerEnd {
  return { cause: 'memory', text: `took more than ${mebibytes} MiB of ${what} (--worker-memory)` };
}
