import { describe, expect, test } from 'vitest';
import { Faults, type Remedy, type Stage } from '../../../../src/host/isolation/supervisor/faults.js';
import type { WorkerEnd, WorkerEndCause } from '../../../../src/host/isolation/worker/worker-end.js';
import { UdfError } from '../../../../src/model/errors.js';

function endOf(cause: WorkerEndCause, error?: UdfError): WorkerEnd {
  return { cause, text: `has ended by ${cause}`, error };
}

const input = (start: number): Stage => ({ kind: 'input', span: { start, end: start + 1 } });
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
    [input(7), { kind: 'poison', span: { start: 7, end: 8 } }],
    [{ kind: 'stop' }, { kind: 'skip-stop' }],
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

test('poison counts as progress', () => {
  const faults = new Faults();
  for (let start = 0; start < 100; start++) {
    faults.remedyFor(endOf('exit'), input(start), 0);
    expect(faults.remedyFor(endOf('exit'), input(start), 0).kind).toBe('poison');
  }
});

test('memory that runs out five times within a minute ends the task, and not if it takes longer', () => {
  const faults = new Faults();
  const kindAt = (second: number): string =>
    faults.remedyFor(endOf('memory'), input(second), second, second * 1000).kind;
  expect([0, 20, 40, 61, 81].map(kindAt)).toEqual(new Array(5).fill('restart'));
  expect([82, 83].map(kindAt)).toEqual(['restart', 'give-up']);
});
