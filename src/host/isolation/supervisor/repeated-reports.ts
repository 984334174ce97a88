/** Launch lines that are remembered: more are a flood. */
const maxLaunchTexts = 100;

/**
 * Finds out which reports of a connection's workers (log lines, or dead letters) are new. A worker that repeats what another
 * one has handled reports the same again.
 *
 * Reports come in the order of the input, so one is new if its position is beyond that of all others before, or if it has a
 * higher number at the same position: its worker ended while it handled that input.
 */
export class ReportFilter {
  #position = -1;
  /** The number of the newest report among those at `#position`. */
  #number = 0;
  /** What workers said before their first input. */
  readonly #launchTexts = new Set<string>();

  /** The filter of another worker. `positionOf` converts the bytes of input that it has begun to a position. */
  next(positionOf: (begun: number) => number): WorkerReports {
    const known = new Set(this.#launchTexts);
    let last = -1;
    let number = 0;
    return {
      isNew: (begun, text = '') => {
        if (begun === 0) {
          if (this.#launchTexts.size < maxLaunchTexts) this.#launchTexts.add(text);
          if (known.has(text)) return false;
        }
        const position = positionOf(begun);
        number = position === last ? number + 1 : 0;
        last = position;
        if (position < this.#position) return false;
        if (position === this.#position && number <= this.#number) return false;
        this.#position = position;
        this.#number = number;
        return true;
      },
    };
  }
}

export interface WorkerReports {
  /** Whether a report is new. `begun`: bytes of input that the worker had begun to handle when it made the report. */
  isNew(begun: number, text?: string): boolean;
}
