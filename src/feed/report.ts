import type { Outage } from '../http/outage.js';
import { formatDuration } from '../model/duration.js';
import { counted } from '../model/text.js';
import type { FeedResult } from './feed.js';

/** The course of a feed as data for JSON. */
export function feedJson(result: FeedResult, seconds: number): object {
  const { arrived, refused, skipped, unsent, waitingBatches } = result;
  return { arrived, refused, skipped, unsent, waitingBatches, seconds };
}

/**
 * The result of a feed as one line for people: `1,000 points written, 2 refused; 1.5 s, 667 points/s`. `undefined` if an error
 * ended it before anything was read.
 */
export function feedText(result: FeedResult, seconds: number): string | undefined {
  const { arrived, refused, skipped, unsent, waitingBatches } = result;
  const isNothingRead = arrived + refused + skipped + unsent + waitingBatches === 0;
  if ('error' in result && isNothingRead) return undefined;
  const why = 'error' in result ? '' : ': the feed was stopped while the server did not answer';
  const counts = [
    `${counted(arrived, 'point')} written`,
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(skipped > 0 ? [`${skipped} left out`] : []),
    ...(unsent > 0 ? [`${unsent} not sent${why}`] : []),
    ...(waitingBatches > 0
      ? [
          `${counted(waitingBatches, 'batch', 'batches')} still in the spool; run the same command again to send them`,
        ]
      : []),
  ];
  const rate = pointsPerSecond(arrived, seconds).toLocaleString('en');
  return `${counts.join(', ')}; ${seconds.toFixed(1)} s, ${rate} points/s`;
}

/** An outage of the server, or its end (`undefined`), for people. */
export function outageText(outage: Outage | undefined): string {
  if (outage === undefined) return 'the server answers again';
  const { reason, ms } = outage;
  const sofar =
    ms < 1_000 ? '' : `, for ${formatDuration(BigInt(Math.floor(ms / 1_000)) * 1_000_000_000n)} so far`;
  return `the server does not answer (${reason}); trying again until it does${sofar}; ^C or SIGTERM stops the feed`;
}

/** The rate of a feed, rounded. */
export function pointsPerSecond(arrived: number, seconds: number): number {
  return Math.round(arrived / Math.max(seconds, 0.001));
}
