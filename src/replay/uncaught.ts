import { messageOf, UdfError } from '../model/errors.js';
import { authorPlace } from '../udf/author-place.js';

/** Failures of a UDF that nothing caught. */
export interface Uncaught {
  /** Promises that were rejected without being awaited. */
  readonly rejections: number;
  /** Aborts with an error that was thrown outside of any handler, by a timer for example. */
  readonly signal: AbortSignal;
  stop(): void;
}

/**
 * Keeps uncaught failures of a UDF from ending the process: rejections are passed to `report` as sentences, a thrown error
 * aborts the signal.
 */
export function watchUncaught(report: (message: string) => void): Uncaught {
  let rejections = 0;
  const onRejection = (reason: unknown): void => {
    rejections++;
    report(
      `a promise was rejected that was not awaited: ${messageOf(reason)}; return or await it in the handler${authorPlace(reason)}`,
    );
  };
  const thrown = new AbortController();
  const onException = (cause: unknown): void => {
    const message = `the UDF threw outside of its handlers: ${messageOf(cause)}${authorPlace(cause)}`;
    thrown.abort(new UdfError('handler', message, { cause }));
  };
  process.on('unhandledRejection', onRejection).on('uncaughtException', onException);
  return {
    get rejections() {
      return rejections;
    },
    signal: thrown.signal,
    stop() {
      process.off('unhandledRejection', onRejection).off('uncaughtException', onException);
    },
  };
}
