/** Work in small steps, with a result. */
type Job<Result> = Generator<void, Result>;

/** Milliseconds of work before others get a turn of the event loop. */
const maxSliceMs = 5;

let last: Promise<unknown> = Promise.resolve();

/**
 * Does a job after those before it, whichever use of a UDF they belong to, in slices between which the event loop handles
 * input and output. Rejects with the signal's reason once it aborts.
 */
export function inTurn<Result>(job: Job<Result>, signal: Aborting): Promise<Result> {
  const result = last.then(() => runInSlices(job, signal));
  last = result.catch(() => undefined); // the caller has the error
  return result;
}

/** What is needed of an `AbortSignal`. */
interface Aborting {
  throwIfAborted(): void;
}

async function runInSlices<Result>(job: Job<Result>, signal: Aborting): Promise<Result> {
  for (;;) {
    signal.throwIfAborted();
    const end = performance.now() + maxSliceMs;
    do {
      const step = job.next();
      if (step.done === true) return step.value;
    } while (performance.now() < end);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
