import type { InitializeHook, LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { nodeStripsTypes, stripTypes } from './strip-types.js';

/** Prefix of package names given to `--load`, which resolve from the current directory. */
export const givenPackage = 'kapacitor-udf-given:';

export interface HookSettings {
  /** The URL of a file in the current directory. */
  readonly directory: string;
  /** Receives the path of each local file that a module imports, whether it exists or not. */
  readonly port: MessagePort;
}

let settings: HookSettings;

export const initialize: InitializeHook<HookSettings> = (given) => {
  settings = given;
};

/**
 * Resolves imports of modules given to `--load`. `kapacitor-udf` is always this package, even if another copy is installed
 * beside the module: this one does not recognize points and definitions of another copy.
 */
export const resolve: ResolveHook = async (specifier, context, next) => {
  if (specifier === 'kapacitor-udf' || specifier.startsWith('kapacitor-udf/')) {
    return next(specifier, { ...context, parentURL: import.meta.url });
  }
  if (specifier.startsWith(givenPackage)) {
    const name = specifier.slice(givenPackage.length);
    try {
      return await next(name, { ...context, parentURL: settings.directory });
    } catch (reason) {
      // Else from beside this package: it may be installed globally, or in an image.
      try {
        return await next(name, { ...context, parentURL: import.meta.url });
      } catch {
        throw reason;
      }
    }
  }
  try {
    const result = await next(specifier, context);
    noteFile(result.url);
    return result;
  } catch (reason) {
    if (/^\.{0,2}\//.test(specifier)) noteFile(new URL(specifier, context.parentURL).href);
    throw reason;
  }
};

/** Imports TypeScript where Node.js does not, as it does itself from 22.18 on. */
export const load: LoadHook = async (url, context, next) => {
  if (nodeStripsTypes || !isLocal(url) || !/\.m?ts$/.test(url)) return next(url, context);
  return { format: 'module', source: await stripTypes(fileURLToPath(url)), shortCircuit: true };
};

/** The directory of this package's own code. */
const ownCode = new URL('../..', import.meta.url).href;

function noteFile(url: string): void {
  if (isLocal(url) && !url.startsWith(ownCode)) settings.port.postMessage(fileURLToPath(url));
}

/** Whether it is a file, and of no installed package. */
function isLocal(url: string): boolean {
  return url.startsWith('file:') && !url.includes('/node_modules/');
}
