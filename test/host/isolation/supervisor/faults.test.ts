import { describe, expect, test } from 'vitest';
import { RunKind, type RunKindValue } from '../../../../src/agent/handler-runs.js';
import { Faults, type Remedy, type Stage } from '../../../../src/host/isolation/supervisor/faults.js';
import type { WorkerEnd, WorkerEndCause } from '../../../../src/host/isolation/worker/worker-end.js';
import { UdfError } from '../../../../src/model/errors.js';

function endOf(cause: WorkerEndCause, error?: UdfError): WorkerEnd {
  return { cause, text: `has ended by ${cause}`, error };
}

const input = (number: number): Stage => ({
  kind: 'handler',
  run: { kind: RunKind.frame, number, base: 0 },
});
const run = (kind: RunKindValue, number: number, base: number): Stage => ({
  kind: 'handler',
  run: { kind, number, base },
});
const restartNow: Remedy = { kind: 'restart', delayMs: 0 };

describe("a worker's first end at a step is followed by a restart at once", () => {
  test.each<Stage>([
    { kind: 'start' },
    { kind: 'snapshot' },
    { kind: 'restore' },
    { kind: 'stop' },
    { kind: 'idle' },
    input(7),
  ])('$kind', (stage) => {
    expect(new Faults().remedyFor(endOf('exit'), stage, 0)).toEqual(restartNow);
  });
});

test.each<Stage>([{ kind: 'start' }, { kind: 'snapshot' }])(
  'the fifth end in the same %j gives the task up',
  (stage) => {
    const faults = new Faults();
    for (let count = 1; count < 5; count++) {
      expect(faults.remedyFor(endOf('exit'), stage, 3)).toMatchObject({ kind: 'restart' });
    }
    expect(faults.remedyFor(endOf('exit'), stage, 3)).toMatchObject({ kind: 'give-up' });
  },
);

describe('the second end', () => {
  test.each<[Stage, object]>([
    [input(7), { kind: 'refuse-run' }],
    [run(RunKind.restored, 2, 100), { kind: 'refuse-run' }],
    [run(RunKind.timer, 2, 100), { kind: 'refuse-run' }],
    [run(RunKind.stop, 2, 100), { kind: 'refuse-run' }],
    [{ kind: 'stop' }, restartNow],
    [{ kind: 'restore' }, { kind: 'refuse-restore' }],
    [{ kind: 'idle' }, restartNow],
  ])('at the same step %j', (stage, remedy) => {
    const faults = new Faults();
    faults.remedyFor(endOf('exit'), stage, 3);
    expect(faults.remedyFor(endOf('exit'), stage, 3)).toMatchObject(remedy);
  });

  test('at another input, or after progress, is another first one', () => {
    const faults = new Faults();
    expect(faults.remedyFor(endOf('exit'), input(7), 7)).toEqual(restartNow);
    expect(faults.remedyFor(endOf('exit'), input(8), 8)).toEqual(restartNow);
    expect(faults.remedyFor(endOf('exit'), { kind: 'snapshot' }, 9)).toEqual(restartNow);
    expect(faults.remedyFor(endOf('exit'), { kind: 'snapshot' }, 10)).toEqual(restartNow);
  });

  test('of a worker whose modules cannot be loaded is tried again, as they may be about to be replaced', () => {
    const faults = new Faults();
    for (let ends = 0; ends < 5; ends++) {
      expect(faults.remedyFor(endOf('load'), { kind: 'start' }, 0).kind).toBe('restart');
    }
  });
});

test('without progress, restarts come ever later, up to a second, and then no more', () => {
  const faults = new Faults();
  const remedies = Array.from({ length: 20 }, () =>
    faults.remedyFor(endOf('error', new UdfError('handler', 'thrown')), { kind: 'idle' }, 0),
  );
  const delays = remedies.flatMap((remedy) => (remedy.kind === 'restart' ? [remedy.delayMs] : []));
  expect(delays.slice(0, 8)).toEqual([0, 0, 50, 100, 200, 400, 800, 1000]);
  expect(delays.slice(8).every((delay) => delay === 1000)).toBe(true);
  expect(remedies.findIndex(({ kind }) => kind === 'give-up')).toBe(19);
  expect(remedies[19]).toMatchObject({
    error: {
      code: 'handler',
      message: 'the worker has ended by error; 20 times without progress',
      cause: { message: 'thrown' },
    },
  });
});

test('with progress, restarts do not end', () => {
  const faults = new Faults();
  for (let acked = 1; acked <= 100; acked++) {
    expect(faults.remedyFor(endOf('exit'), input(acked), acked)).toEqual(restartNow);
  }
  expect(faults.counts).toEqual({ exit: 100 });
});

test('the run that has ended two workers is refused, with the reason', () => {
  const faults = new Faults();
  faults.remedyFor(endOf('exit'), run(RunKind.frame, 10, 100), 3);
  expect(faults.remedyFor(endOf('hung'), run(RunKind.frame, 110, 0), 3)).toEqual({ kind: 'refuse-run' });
  expect(faults.refused.from(50)).toEqual([
    { kind: RunKind.frame, number: 60, reason: 'the worker has ended by hung, twice' },
  ]);
});

test('a run that ends workers although it is refused ends the task, not in an endless loop', () => {
  const faults = new Faults();
  const kinds = Array.from({ length: 22 }, () => faults.remedyFor(endOf('exit'), input(7), 3).kind);
  expect(kinds).toEqual(['restart', 'refuse-run', ...new Array<string>(19).fill('restart'), 'give-up']);
});

test('calls of stop that each end two workers end the task', () => {
  const faults = new Faults();
  const kinds = Array.from(
    { length: 20 },
    (_, end) => faults.remedyFor(endOf('exit'), run(RunKind.stop, end >> 1, 0), 3).kind,
  );
  expect(kinds.slice(0, 4)).toEqual(['restart', 'refuse-run', 'restart', 'refuse-run']);
  expect(kinds.at(-1)).toBe('give-up');
});

test('runs of the input that are refused count as progress', () => {
  const faults = new Faults();
  for (let start = 0; start < 100; start++) {
    faults.remedyFor(endOf('exit'), input(start), 0);
    expect(faults.remedyFor(endOf('exit'), input(start), 0).kind).toBe('refuse-run');
  }
});

test('memory that runs out five times within a minute ends the task, and not if it takes longer', () => {
  const faults = new Faults();
  const kindAt = (second: number): string =>
    faults.remedyFor(endOf('memory'), input(second), second, second * 1000).kind;
  expect([0, 20, 40, 61, 81].map(kindAt)).toEqual(new Array(5).fill('restart'));
  expect([82, 83].map(kindAt)).toEqual(['restart', 'give-up']);
});
