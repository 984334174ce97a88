import type { Counters } from './counters.js';
import { type Progress, refusalMark } from './interface.js';
import type { Output } from './output.js';
import { noOutputAhead, OutputAhead } from './output-ahead.js';

/** The first byte of points, begins and ends, whose field numbers take two bytes: management requests are below it. */
const minDataTag = 0x80;

/** Tells a host that can repeat the input to another agent how far this one has come. */
export class ProgressReport {
  readonly ahead: OutputAhead;
  readonly #progress: Progress;

  constructor(progress: Progress, counters: Counters, output: Output) {
    this.#progress = progress;
    this.ahead = new OutputAhead(counters);
    progress.runs.onRefusal = () => {
      this.ahead.refused();
      output.send(refusalMark);
    };
  }

  /** A frame begins. `isFirst`: all frames before it are finished. */
  begin(tag: number, bytes: number, isFirst: boolean): void {
    if (isFirst) this.ahead.begin();
    if (tag < minDataTag) return;
    const progress = this.#progress;
    progress.begunBytes += bytes;
    progress.runs.beginFrame(progress.begunBytes);
  }

  /** See `Progress.handled`. */
  handled(bytes: number, begunFrames: number): void {
    this.#progress.handled(bytes, begunFrames, begunFrames > 0 ? this.ahead.current : noOutputAhead);
  }
}
