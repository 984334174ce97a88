import type { InitializeHook, ResolveHook } from 'node:module';

/** Marks the name of a package that the user gave, to be looked up from the user's directory. */
export const givenPackage = 'kapacitor-udf-given:';

let directory = '';

/** Receives the URL of a file in the user's directory. */
export const initialize: InitializeHook<string> = (url) => {
  directory = url;
};

/**
 * How the modules of `--load` find what they import. `kapacitor-udf` is always this very package, whether or not it is
 * installed beside the module: points made by another copy of it would be strangers here.
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
    // Installed beside this package, globally or in an image, is as good.
    try {
      return await next(name, { ...context, parentURL: import.meta.url });
    } catch {
      throw reason;
    }
  }
};
