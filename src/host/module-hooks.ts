import type { InitializeHook, ResolveHook } from 'node:module';

/** Prefix of package names given to `--load`, which resolve from the current directory. */
export const givenPackage = 'kapacitor-udf-given:';

let directory = '';

/** Called with the URL of a file in the current directory. */
export const initialize: InitializeHook<string> = (url) => {
  directory = url;
};

/**
 * Resolves imports of modules given to `--load`. `kapacitor-udf` is always this package, even if another copy is installed
 * beside the module: this one does not recognize points and definitions of another copy.
 */
export const resolve: ResolveHook = async (specifier, context, next) => {
  if (specifier === 'kapacitor-udf' || specifier.startsWith('kapacitor-udf/')) {
    return next(specifier, { ...context, parentURL: import.meta.url });
  }
  if (!specifier.startsWith(givenPackage)) return next(specifier, context);
  const name = specifier.slice(givenPackage.length);
  try {
    return await next(name, { ...context, parentURL: directory });
  } catch (reason) {
    // Else from beside this package: it may be installed globally, or in an image.
    try {
      return await next(name, { ...context, parentURL: import.meta.url });
    } catch {
      throw reason;
    }
  }
};
