import { describe, expect, test } from 'vitest';
import type { ShownState, StoredState } from '../../../src/host/state/inspect-states.js';
import {
  resetJson,
  resetText,
  shownStatesText,
  stateJson,
  stateTable,
} from '../../../src/host/state/report-states.js';

const savedAt = Date.UTC(2026, 0, 1);
const load: StoredState = {
  task: 'load',
  node: 'average2',
  udf: 'average',
  groups: 2,
  bytes: 300,
  savedAt,
  version: 1,
  options: { size: 10n, field: 'value', unset: undefined },
  isReset: false,
};
const shown = (state: unknown): ShownState => ({ ...load, shown: [{ group: 'host=a', state }] });

test('states are listed with their age and the options that were set', () => {
  const [, , , row] = stateTable([load], savedAt + 90_000).split('\n');
  expect(row).toMatch(/load .*average2 .*average .*2 .*300 .*1m30s .*size="10" field="value"/);
});

test('a state that waits for its reset is marked as such', () => {
  expect(stateTable([{ ...load, isReset: true }], savedAt)).toContain('(reset)');
});

test('no state has a line of its own', () => {
  expect(stateTable([])).toBe('No state matches.');
  expect(shownStatesText([])).toBe('No state matches.');
});

test('groups are shown below their use', () => {
  expect(shownStatesText([shown({ sum: 1.5 })])).toBe(
    'load average2 @average()  2 groups\n  host=a  { sum: 1.5 }',
  );
});

describe('JSON holds every value that a state can:', () => {
  const bytes = new Uint8Array([1, 2, 3]).buffer;
  test.each<[string, unknown, unknown]>([
    ['integers', 2n ** 62n, '4611686018427387904'],
    ['special numbers', [NaN, Infinity, -0.5], ['NaN', 'Infinity', -0.5]],
    ['sets', new Set(['a']), ['a']],
    ['maps', new Map([['a', 1n]]), [['a', '1']]],
    ['typed arrays', new Float64Array([1.5, NaN]), [1.5, 'NaN']],
    ['buffers', bytes, [1, 2, 3]],
    ['views of buffers', new DataView(bytes, 1), [2, 3]],
    ['dates', new Date(savedAt), '2026-01-01T00:00:00.000Z'],
    ['patterns', /a+/i, '/a+/i'],
    ['errors', new RangeError('too large'), 'RangeError: too large'],
    ['nothing', undefined, null],
  ])('%s', (_what, state, expected) => {
    const json = JSON.parse(JSON.stringify(stateJson(shown(state)))) as Record<string, unknown>;
    expect(json.shown).toEqual([{ group: 'host=a', state: expected }]);
    expect(json).toMatchObject({ saved: '2026-01-01T00:00:00.000Z', options: { size: '10' } });
  });
});

test('a reset says whether it takes effect at once', () => {
  expect(resetText({ reset: [load], host: undefined })).toBe(
    'load average2 @average(): reset when their tasks start next',
  );
  expect(resetText({ reset: [load], host: '42' })).toBe(
    'load average2 @average(): reset by the running host (process 42)',
  );
  const reset = [{ task: 'load', node: 'average2', udf: 'average' }];
  expect(resetJson({ reset: [load], host: undefined })).toEqual({ reset, host: null });
});
