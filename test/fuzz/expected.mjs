import { UdfError } from '../../dist/src/index.js';

/** Runs `read`; errors other than those that broken input may cause are findings. */
export async function expectOwnErrors(read) {
  try {
    await read();
  } catch (reason) {
    if (!(reason instanceof UdfError) || reason.code === 'internal') throw reason;
  }
}
