// The readers of recordings: the first byte chooses the format, the second one how the rest is cut into chunks.
import { Readable } from 'node:stream';
import { openRecording } from '../../dist/src/recording/open.js';
import { expectOwnErrors } from './expected.mjs';

const formats = ['lp', 'srpl', 'brpl', 'jsonl', 'csv'];

export async function fuzz(data) {
  if (data.length < 2) return;
  const format = formats[data[0] % formats.length];
  const skipBad = data[0] >= 128;
  const chunkBytes = 1 + (data[1] % 64);
  const bytes = data.subarray(2);
  const chunks = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  await expectOwnErrors(async () => {
    const recording = await openRecording(Readable.from(chunks), {
      format,
      skipBad,
      name: `input.${format}`,
    });
    for await (const items of recording) for (const item of items) JSON.stringify(item);
  });
}
