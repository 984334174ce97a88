import { expect, test } from 'vitest';
import type { FeedResult } from '../../src/feed/feed.js';
import { feedJson, feedText, outageText } from '../../src/feed/report.js';

const none: FeedResult = {
  arrived: 0,
  refused: 0,
  skipped: 0,
  unsent: 0,
  waitingBatches: 0,
  isStopped: false,
};

test('the result of a feed names what arrived, and only the losses that there were', () => {
  expect(feedText({ ...none, arrived: 1_000 }, 0.5)).toBe('1,000 points written; 0.5 s, 2,000 points/s');
  expect(feedText({ ...none, arrived: 1, refused: 2, skipped: 3 }, 2)).toBe(
    '1 point written, 2 refused, 3 left out; 2.0 s, 1 points/s',
  );
});

test('what was not sent is said, with the reason if the feed was stopped', () => {
  const result = { ...none, unsent: 4, isStopped: true };
  expect(feedText(result, 1)).toContain('4 not sent: the feed was stopped while the server did not answer');
  expect(feedText({ ...result, error: new Error('full') }, 1)).toContain('4 not sent; ');
});

test('batches in the spool are said with how to send them', () => {
  expect(feedText({ ...none, waitingBatches: 1 }, 1)).toContain(
    '1 batch still in the spool; run the same command again to send them',
  );
});

test('an error before anything was read says all by itself', () => {
  expect(feedText({ ...none, error: new Error('no such file') }, 1)).toBeUndefined();
});

test('JSON holds the counts and the time', () => {
  expect(feedJson({ ...none, arrived: 3 }, 1.5)).toEqual({
    arrived: 3,
    refused: 0,
    skipped: 0,
    unsent: 0,
    waitingBatches: 0,
    seconds: 1.5,
  });
});

test('an outage and its end have a line each, with the time so far and how to stop', () => {
  expect(outageText({ reason: 'HTTP 503', ms: 0 })).toBe(
    'the server does not answer (HTTP 503); trying again until it does; ^C or SIGTERM stops the feed',
  );
  expect(outageText({ reason: 'HTTP 503', ms: 70_400 })).toBe(
    'the server does not answer (HTTP 503); trying again until it does, for 1m10s so far; ^C or SIGTERM stops the feed',
  );
  expect(outageText(undefined)).toBe('the server answers again');
});
