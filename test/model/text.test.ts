import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeControls } from '../../src/model/text.js';

test('what a terminal would obey is shown as its code; tabs, newlines and other text stay', () => {
  expect(escapeControls('\u001b[31mred\u0007 a\tb\nc\r ü→😀 \u009b \u202eabc\u2066\u007f\u0000')).toBe(
    '\\u001b[31mred\\u0007 a\tb\nc\\u000d ü→😀 \\u009b \\u202eabc\\u2066\\u007f\\u0000',
  );
});

test('JSON with escaped controls has the same value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(JSON.parse(escapeControls(JSON.stringify({ [text]: text })))).toEqual({ [text]: text });
    }),
  );
});
