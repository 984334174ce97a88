import { describe, expect, test } from 'vitest';
import { ReadAhead } from '../../../../src/host/isolation/front/read-ahead.js';

const at = (handled: number, unhandledBytes: number, isWaiting = false) => ({
  handled,
  unhandledBytes,
  isWaiting,
});

describe('reading ahead of a worker', () => {
  test('pauses above the limit, and resumes once half of it is handled', () => {
    const ahead = new ReadAhead(100);
    expect(ahead.isFull(at(0, 100))).toBe(false);
    expect(ahead.isFull(at(0, 101))).toBe(true);
    expect(ahead.isFull(at(50, 51))).toBe(true);
    expect(ahead.isFull(at(51, 50))).toBe(false);
    expect(ahead.isFull(at(51, 100))).toBe(false);
  });

  test('does not pause while the worker handles nothing', () => {
    const ahead = new ReadAhead(100);
    expect(ahead.isFull(at(0, 101))).toBe(true);
    expect(ahead.isFull(at(0, 1_000_000, true))).toBe(false);
  });

  test('goes on while what has piled up is handled, at half of the worker’s rate', () => {
    const ahead = new ReadAhead(100);
    ahead.isFull(at(0, 1_100, true));
    expect(ahead.isFull(at(0, 1_100))).toBe(false);
    expect(ahead.isFull(at(400, 700))).toBe(false);
    expect(ahead.isFull(at(400, 900))).toBe(false);
    expect(ahead.isFull(at(400, 901))).toBe(true);
    expect(ahead.isFull(at(500, 800))).toBe(false); // 1,050 are allowed less the half of 100 less 50 handled
  });

  test('allows no more than the limit once as much again is handled', () => {
    const ahead = new ReadAhead(100);
    ahead.isFull(at(0, 1_100, true));
    expect(ahead.isFull(at(2_000, 100))).toBe(false);
    expect(ahead.isFull(at(2_000, 101))).toBe(true);
  });
});
