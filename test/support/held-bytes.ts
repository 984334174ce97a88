import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** Runs a full garbage collection. */
export const collectGarbage = runInNewContext('gc') as () => void; // V8's own, now that it is exposed

/** The bytes of all reachable buffers. */
export function heldBytes(): number {
  collectGarbage();
  collectGarbage(); // buffers found by the first are freed by the second at the latest
  return process.memoryUsage().arrayBuffers;
}

/** The bytes of all reachable buffers and other objects. */
export function heldMemory(): number {
  const buffers = heldBytes();
  return buffers + process.memoryUsage().heapUsed;
}
