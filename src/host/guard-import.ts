import { syncBuiltinESMExports } from 'node:module';
import { messageOf } from '../model/errors.js';
import { isOwnExit } from './process-end.js';

/** Why the import of a module did not come to its end. */
export class UnfinishedImport extends Error {
  override readonly name = 'UnfinishedImport';
}

/** Max time for a module to be imported: it may connect to something first. */
const defaultMaxMs = 60_000;

/** How to fail each import that is under way, and its module. */
const underWay = new Map<(reason: UnfinishedImport) => void, string>();
let restore: (() => void) | undefined;

/**
 * Resolves and rejects as `start` does, and rejects with `UnfinishedImport` if the module ends the process, waits for what
 * never comes, or takes longer than `maxMs`. Otherwise the process would end, or wait, without a word about which module it was.
 */
export async function guardImport<Exports>(
  module: string,
  start: () => Promise<Exports>,
  maxMs: number = defaultMaxMs,
): Promise<Exports> {
  let fail!: (reason: UnfinishedImport) => void; // set by the promise's executor, which runs at once
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const timer = setTimeout(() => {
    fail(
      new UnfinishedImport(
        `it is not loaded after ${maxMs / 1000} s: a top-level await takes too long; await in a handler instead`,
      ),
    );
  }, maxMs).unref();
  restore ??= interceptEnds();
  underWay.set(fail, module);
  try {
    return await Promise.race([start(), failed]);
  } finally {
    clearTimeout(timer);
    underWay.delete(fail);
    if (underWay.size === 0) {
      restore();
      restore = undefined;
    }
  }
}

/** Turns an end of the process into a failure of the imports that are under way, until the returned function is called. */
function interceptEnds(): () => void {
  const failAll = (reason: UnfinishedImport): void => {
    for (const fail of underWay.keys()) fail(reason);
  };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- put back as it was
  const { exit } = process;
  process.exit = (code?: number | string | null): never => {
    if (isOwnExit()) exit(code);
    const text = `it calls process.exit(${code ?? ''}) while it is loaded; remove the call`;
    failAll(new UnfinishedImport(text));
    // The module must not continue. What a callback throws is reported without more, if this process reports it.
    throw new UnfinishedImport(`${[...underWay.values()].join(', ')}: ${text}`);
  };
  // Emitted when nothing is left that could settle the promise that the module awaits.
  const onBeforeExit = (): void => {
    failAll(
      new UnfinishedImport(
        'a top-level await waits for what never comes: nothing is left that could settle its promise',
      ),
    );
  };
  const onUncaught = (reason: unknown): void => {
    if (reason instanceof UnfinishedImport) return; // a call in a callback: it has been passed on
    failAll(new UnfinishedImport(`it throws while it is loaded: ${messageOf(reason)}`, { cause: reason }));
  };
  process.on('beforeExit', onBeforeExit);
  process.prependListener('uncaughtException', onUncaught);
  syncBuiltinESMExports(); // for modules that import it by name
  return () => {
    process.exit = exit;
    process.off('beforeExit', onBeforeExit);
    process.off('uncaughtException', onUncaught);
    syncBuiltinESMExports();
  };
}
