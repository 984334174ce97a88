import { expect, test } from 'vitest';
import { loadLibrary } from '../../../src/kafka/client/library.js';
import { checkCompression } from '../../../src/kafka/client/requests.js';

test('a compression that this Node.js lacks is refused', async () => {
  const library = await loadLibrary();
  expect(() => {
    checkCompression(library, 'gzip');
  }).not.toThrow();
  const algorithms = { ...library.compressionsAlgorithms, zstd: { available: false } };
  const lacking = { ...library, compressionsAlgorithms: algorithms } as unknown as typeof library; // no more is read
  const message = expect.stringContaining('zstd needs Node.js 22.15') as string;
  expect(() => {
    checkCompression(lacking, 'zstd');
  }).toThrow(expect.objectContaining({ code: 'usage', message }));
});
