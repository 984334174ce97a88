import { expect, test } from 'vitest';
import { runUdf } from 'kapacitor-udf/testkit';
import { define, type Loose, messageOf } from './support/mistakes.js';

/** Mistakes that leave no code of the author's on the stack. */

test.each<[what: string, more: Loose, message: string]>([
  ['what check returns', { check: () => 'bad' }, '"check" must return an array of strings, got a string'],
  ['a thrown text', { point: () => throwText('no') }, 'no on the point at 1'],
  ['what state returns', { state: () => 0 }, 'state.count += 1; on the point at 1'],
])('%s is reported with the place of the definition', async (_, more, message) => {
  const answer = await messageOf(async () => {
    const run = await runUdf(
      define({ name: 'mine', wants: 'stream', provides: 'stream', point: () => undefined, ...more }),
    );
    await run.send('cpu v=1 1');
  });
  expect(answer).toContain(`${message} (the UDF is defined at test/errors/author-place.test.ts:`);
});

function throwText(text: string): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- what an author gets wrong
  throw text;
}
