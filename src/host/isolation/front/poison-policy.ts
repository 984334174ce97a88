import type { Counters } from '../../../agent/counters.js';
import type { DeadLetters } from '../../../model/dead-letters.js';
import { UdfError } from '../../../model/errors.js';
import { capText } from '../../../model/text.js';
import { FrameReader } from '../../../wire/frame-reader.js';
import type { Feed } from '../supervisor/feed.js';
import type { Span } from '../supervisor/journal.js';
import { countPoints, describeInput, isTick, wholeBatch } from '../supervisor/poison.js';
import type { UdfInfo } from '../worker/messages.js';
import type { FrontSession } from './front-session.js';
import { addPoisonLetters } from './poison-letters.js';
import type { Ticks } from './ticks.js';

export interface PoisonPolicyOptions {
  readonly udf: UdfInfo;
  readonly feed: Feed;
  readonly counters: Counters;
  readonly session: FrontSession;
  readonly deadLetters?: DeadLetters | undefined;
  readonly ticks: Ticks | undefined;
  /** Sends a frame in the place of the UDF's output. */
  readonly forward: (buf: Buffer, frame: number, payload: number, end: number) => void;
}

/** Applies a task's error policy to input that has ended two workers. */
export class PoisonPolicy {
  readonly #options: PoisonPolicyOptions;

  constructor(options: PoisonPolicyOptions) {
    this.#options = options;
  }

  /**
   * Leaves the frame out of the input, with its batch if that is handled as a whole, and drops it or passes it on. Returns
   * an error if the policy is to stop, or if the batch has not ended. `reason` is how the workers ended.
   */
  apply(frame: Span, reason: string): UdfError | undefined {
    const { udf, feed, counters, session, deadLetters, ticks } = this.#options;
    const { journal } = feed;
    const isTimer = isTick(journal, frame);
    const batch = wholeBatch(journal, frame, udf);
    const span = batch ?? frame;
    const what = describeInput(journal, span);
    if (session.onError === 'stop' || Number.isNaN(span.end)) {
      return new UdfError('handler', `${reason}, twice on ${what}`);
    }
    // Within a batch that a UDF handles point by point, only the worker could pass a point on.
    const passes = !isTimer && session.onError === 'pass' && (batch !== undefined || udf.wants === 'stream');
    if (passes) {
      const frames = journal.copy(span);
      feed.leaveOut(span, () => {
        new FrameReader(Infinity, this.#options.forward).push(frames);
      });
    } else {
      counters.pointsDropped += countPoints(journal, span);
      if (deadLetters && !isTimer)
        addPoisonLetters(deadLetters, session.useId, journal, span, `${reason}, twice`);
      feed.leaveOut(span);
    }
    // The timers that were due are due at the next tick too.
    if (isTimer) ticks?.addDropping();
    session.logger.error(
      { code: 'handler' },
      capText(`${udf.name}: ${reason}, twice on ${what}; ${passes ? 'passed on unchanged' : 'dropped'}`),
    );
    return undefined;
  }
}
