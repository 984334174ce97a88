import { describe, expect, it } from 'vitest';
import { readText } from '../../src/http/read-text.js';

describe('the text of a response', () => {
  it('is read whole up to the limit', async () => {
    expect(await readText(new Response('grün'), 5)).toEqual({ text: 'grün', isCut: false });
    expect(await readText(new Response(null), 5)).toEqual({ text: '', isCut: false });
  });

  it('is cut at the limit, and the rest is not asked for', async () => {
    let isCancelled = false;
    const endless = new ReadableStream({
      pull: (controller) => {
        controller.enqueue(Buffer.alloc(1024, 'x'));
      },
      cancel: () => {
        isCancelled = true;
      },
    });

    expect(await readText(new Response(endless), 3000)).toEqual({ text: 'x'.repeat(3000), isCut: true });
    expect(isCancelled).toBe(true);
  });
});
