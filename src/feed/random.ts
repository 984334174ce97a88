const increment = 0x9e37_79b9;

/** Creates a deterministic generator of numbers in [0, 1): S. Vigna's SplitMix, in 32 bits. */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + increment) | 0;
    return mix(state) / 0x1_0000_0000;
  };
}

/**
 * A number in [0, 1) for a place in a data set: without state, so that any part of the data can be generated without the
 * part before it. `stream` tells uses apart, `index` things, and `time` is a safe integer, of any unit.
 */
export function randomAt(seed: number, stream: number, index: number, time: number): number {
  let hash = mix((seed + increment) | 0);
  hash = mix((hash + stream) | 0);
  hash = mix((hash + index) | 0);
  hash = mix((hash + Math.floor(time / 0x1_0000_0000)) | 0);
  return mix((hash + (time | 0)) | 0) / 0x1_0000_0000;
}

function mix(state: number): number {
  let mixed = state ^ (state >>> 16);
  mixed = Math.imul(mixed, 0x21f0_aaad);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x735a_2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
