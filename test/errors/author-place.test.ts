import { expect, test } from 'vitest';
import { defineUdf } from 'kapacitor-udf';
import { runUdf } from 'kapacitor-udf/testkit';

/** Mistakes that leave no code of the author's on the stack. */

type Loose = Readonly<Record<string, unknown>>;

/** As `defineUdf`, for definitions that TypeScript refuses. */
const define = defineUdf as unknown as (definition: Loose) => Parameters<typeof runUdf>[0];

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

async function messageOf(mistake: () => Promise<unknown>): Promise<string> {
  try {
    await mistake();
  } catch (reason) {
    return (reason as Error).message; // all that is thrown here is an Error
  }
  throw new Error('the mistake was not noticed');
}
