import { createBlock } from '../corpus/block.mjs';

/**
 * All blocks together: enough that a pass takes some milliseconds, and the same for any number of connections, lest
 * the generator be slower with many because its bytes no longer fit the processor's cache.
 */
const allBytes = 4 * 1024 * 1024;

/** The last blocks made: rounds over the same shape follow each other, and a million groups take a while to encode. */
let made = { key: '', blocks: [] };

/**
 * A block for each of so many connections.
 *
 * @param {import('../corpus/shape.mjs').Shape} shape
 * @returns {import('../corpus/block.mjs').Block[]}
 */
export function blocksOf(shape, connections = 1) {
  const key = JSON.stringify([shape, connections]);
  if (made.key !== key) {
    made = { key: '', blocks: [] }; // two corpora of a million groups need not be in memory at once
    const first = createBlock(shape, allBytes / connections);
    const others = Array.from({ length: connections - 1 }, () => first.copy());
    made = { key, blocks: [first, ...others] };
  }
  return made.blocks;
}
