/** How much is written at a time, unless a shape says otherwise. */
export const chunkBytes = 64 * 1024;

/**
 * Sends a block again and again, at least `passes` times and until `enough` says so, and ends behind a whole point or
 * batch, or with `whole` a whole pass. Returns how much that was. `from` is the first pass, if some have been sent before.
 *
 * @param {import('./connection.mjs').Connection} connection
 * @param {import('../corpus/block.mjs').Block} block
 */
export async function feed(
  connection,
  block,
  { enough = always, passes = 1, from = 0, whole = false, twoPieces = false },
) {
  const size = block.bytes.length;
  for (let pass = from; ; pass++) {
    for (let at = 0; at < size;) {
      const over = pass >= from + passes && (at === 0 || !whole) && enough();
      const unit = over ? block.unitFrom(at) : undefined;
      const end = over ? block.start(unit) : endOfChunk(block, at, twoPieces);
      block.stamp(pass, end);
      if (twoPieces) await writeInPieces(connection, block, at, end);
      else if (!connection.write(block.bytes.subarray(at, end))) await connection.drained();
      at = end;
      if (over) {
        const units = (pass - from) * block.units + unit;
        return {
          passes: pass - from,
          units,
          points: units * block.unitPoints,
          bytes: (pass - from) * size + end,
        };
      }
    }
  }
}

const always = () => true;

/** A chunk ends anywhere in a message; but what goes out message by message is stamped to the end of the last. */
function endOfChunk(block, at, wholeMessages) {
  const end = Math.min(at + chunkBytes, block.bytes.length);
  return wholeMessages ? block.start(block.unitFrom(end)) : end;
}

/** The points that start in `at..end`, as Kapacitor writes them: the length, then the message. */
async function writeInPieces(connection, block, at, end) {
  for (let unit = block.unitFrom(at); block.start(unit) < end; unit++) {
    const room = writePoint(connection, block, unit);
    if (!room) await connection.drained();
  }
}

/** Writes one point in two pieces; true if there is room for more. */
export function writePoint(connection, block, unit) {
  const { bytes } = block;
  const start = block.start(unit);
  let payload = start;
  while (bytes[payload++] > 0x7f) continue;
  connection.write(bytes.subarray(start, payload));
  return connection.write(bytes.subarray(payload, block.start(unit + 1)));
}
