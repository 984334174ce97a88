/** What the speed is meant to be, and whether it is: looked up in a run's results. */

import { isolatedShare } from './statistics.mjs';

/** How far the bytes per second of any shape may be below the default one's. */
const cliff = 3;

/** @returns {{ aim: string, value: string, met: boolean }[]} Those that the run has numbers for. */
export function aims({ results, yardstick }) {
  const find = (kind, udf, variant) =>
    results.find((result) => result.kind === kind && result.udf === udf && result.variant === variant)
      ?.metrics;
  const aim = (text, value, unit, met) =>
    value === undefined
      ? []
      : [{ aim: text, value: `${Number(value.toPrecision(3))}${unit}`, met: met(value) }];
  const atLeast = (least) => (value) => value >= least;
  const atMost = (most) => (value) => value <= most;

  const speed = (udf, variant, least) => {
    const ratio = find('throughput', udf, variant)?.pointsPerSecond.ratios.yardstick.median;
    return aim(
      `${udf}, ${variant}: points/s at least ${least} of the ${yardstick}'s`,
      ratio,
      '',
      atLeast(least),
    );
  };
  const isolated = (udf, least) => {
    const metrics = find('throughput', udf, 'default');
    const share = metrics && isolatedShare(metrics.pointsPerSecond)?.median;
    return aim(`${udf}, isolated: points/s at least ${least} of the plain host's`, share, '', atLeast(least));
  };
  const own = (kind, udf, variant, metric) => find(kind, udf, variant)?.[metric].values.this.median;
  const state = (metric) => own('groups', 'edgeDetect', 'state, snapshot and restore', metric);
  /** What mirror moves over 64 connections, as a share of what it moves over one. */
  const sharedBy64 = (subject) => {
    const pointsOf = (variant) =>
      find('throughput', 'mirror', variant)?.pointsPerSecond.values[subject].median;
    return pointsOf('64 connections') / pointsOf('default') || undefined;
  };

  return [
    ...speed('mirror', 'default', 0.6),
    ...speed('edgeDetect', 'default', 0.2),
    ...speed('movingAverage', 'default', 0.12),
    ...speed('outliers', 'batches of 10,000', 0.1),
    ...isolated('mirror', 0.6),
    ...isolated('movingAverage', 0.85),
    ...aim(
      `a point's round trip at most 1.3 times the ${yardstick}'s (p50)`,
      find('round trip', 'mirror', 'single points')?.p50.ratios.yardstick.median,
      '',
      atMost(1.3),
    ),
    ...many(yardstick, sharedBy64('this'), sharedBy64('yardstick')),
    ...aim('edgeDetect: a group in at most 300 bytes', state('bytesPerGroup'), ' bytes', atMost(300)),
    ...aim(
      `edgeDetect: ${groupsOf(state)} snapshot in a second`,
      state('snapshotMilliseconds'),
      ' ms',
      atMost(1000),
    ),
    ...aim('keepalives within 50 ms meanwhile', state('snapshotKeepalive'), ' ms', atMost(50)),
    ...aim(
      `edgeDetect: ${groupsOf(state)} restored in two`,
      state('restoreMilliseconds'),
      ' ms',
      atMost(2000),
    ),
    ...aim(
      'from start to first answer within 200 ms',
      own('start-up', 'mirror', 'one UDF on a socket', 'milliseconds'),
      ' ms',
      atMost(200),
    ),
    ...cliffs(results, yardstick),
  ];
}

/** Over many connections nothing is to be lost, beyond what the yardstick loses too. */
function many(yardstick, share, yardsticks) {
  if (share === undefined) return [];
  return [
    {
      aim: `64 connections move no fewer points than one, or lose no more than the ${yardstick} does`,
      value: `${share.toFixed(2)} of them, ${yardsticks.toFixed(2)} of its own`,
      met: share >= Math.min(1, yardsticks),
    },
  ];
}

function groupsOf(state) {
  return `${(state('groups') ?? 0).toLocaleString('en')} groups`;
}

/**
 * By UDF, its slowest shape by bytes per second, if there are several. What the yardstick loses too with a shape (single
 * messages take two system calls each) is not the runtime's to lose.
 */
function cliffs(results, yardstick) {
  const shapes = results.filter(({ kind, metrics }) => kind === 'throughput' && metrics);
  return shapes
    .filter(({ variant }) => variant === 'default')
    .flatMap((standard) => {
      const share = (result, subject) => bytesOf(result, subject) / bytesOf(standard, subject);
      const others = shapes
        .filter((result) => result.udf === standard.udf && result !== standard)
        .map((result) => ({
          variant: result.variant,
          share: share(result, 'this'),
          kept: share(result, 'this') / Math.min(1, share(result, 'yardstick')),
        }));
      if (others.length === 0) return [];
      const slowest = others.reduce((least, other) => (other.kept < least.kept ? other : least));
      return [
        {
          aim: `${standard.udf}: no shape below 1/${cliff} of the default's bytes/s, or of what the ${yardstick} keeps of its own`,
          value: `${slowest.share.toFixed(2)}, of that ${slowest.kept.toFixed(2)} (${slowest.variant})`,
          met: slowest.kept >= 1 / cliff,
        },
      ];
    });
}

function bytesOf({ metrics }, subject) {
  return metrics.bytesPerSecond.values[subject].median;
}
