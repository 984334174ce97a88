import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** Collects all that is garbage now. */
export const collectGarbage = runInNewContext('gc') as () => void; // V8's own, now that it is exposed

/** The bytes of all buffers that are still in use: what is garbage only is not counted. */
export function heldBytes(): number {
  collectGarbage();
  collectGarbage(); // what the first has found is freed by the second at the latest
  return process.memoryUsage().arrayBuffers;
}
