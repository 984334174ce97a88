import { createBlock } from '../corpus/block.mjs';

/** Enough that a pass takes some milliseconds; less where each connection has its own. */
const singleBytes = 4 * 1024 * 1024;
const sharedBytes = 1024 * 1024;

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
    const first = createBlock(shape, connections === 1 ? singleBytes : sharedBytes);
    const others = Array.from({ length: connections - 1 }, () => first.copy());
    made = { key, blocks: [first, ...others] };
  }
  return made.blocks;
}
