import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SnapshotSchedule } from '../../../../src/host/isolation/supervisor/snapshot-schedule.js';

const MiB = 1024 * 1024;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A schedule whose last snapshot has just been taken, and took so long. */
function scheduleAfter(durationMs: number): SnapshotSchedule {
  const schedule = new SnapshotSchedule(64 * MiB, 10_000);
  schedule.started();
  vi.advanceTimersByTime(durationMs);
  schedule.ended();
  expect(schedule.durationMs).toBe(durationMs);
  return schedule;
}

test('without input, no snapshot is due', () => {
  const schedule = scheduleAfter(1);
  vi.advanceTimersByTime(1_000_000);
  expect(schedule.isDue(0)).toBe(false);
});

test('with any input, one is due after the interval', () => {
  const schedule = scheduleAfter(1);
  vi.advanceTimersByTime(9_999);
  expect(schedule.isDue(1)).toBe(false);
  vi.advanceTimersByTime(1);
  expect(schedule.isDue(1)).toBe(true);
});

test('with much input, one is due before, but they take one part in twenty of the time at most', () => {
  const schedule = scheduleAfter(100);
  vi.advanceTimersByTime(1_999);
  expect(schedule.isDue(4 * MiB)).toBe(false);
  vi.advanceTimersByTime(1);
  expect(schedule.isDue(4 * MiB - 1)).toBe(false);
  expect(schedule.isDue(4 * MiB)).toBe(true);
});

test('when half of the journal is full, one is due at once', () => {
  const schedule = scheduleAfter(5_000);
  expect(schedule.isDue(32 * MiB - 1)).toBe(false);
  expect(schedule.isDue(32 * MiB)).toBe(true);
});
