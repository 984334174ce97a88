import { isDeepStrictEqual } from 'node:util';
import { UdfError } from '../../../model/errors.js';
import type { UdfDefinition } from '../../../udf/definition.js';
import type { Udfs } from '../../available-udfs.js';
import { loadModule } from '../../load-module.js';
import type { UdfInfo } from './messages.js';

/** What the front must know of each UDF of `availableUdfs(modules)`. */
export async function udfInfos(udfs: Udfs, modules: readonly string[]): Promise<UdfInfo[]> {
  const moduleOf = new Map<UdfDefinition, string>();
  for (const module of modules) {
    for (const definition of await loadModule(module)) moduleOf.set(definition, module); // loaded already
  }
  return Array.from(udfs.values(), (definition) => udfInfo(definition, moduleOf.get(definition)));
}

function udfInfo(definition: UdfDefinition, module: string | undefined): UdfInfo {
  const { name, wants, provides, handlers, onlyWith } = definition;
  const options = Object.fromEntries(
    Object.entries(definition.options).map(([option, { args }]) => [option, args.map(({ type }) => type)]),
  );
  const hasTimers = handlers.timer !== undefined;
  const isStateful = handlers.state !== undefined || hasTimers;
  const collectsBatches = handlers.batch !== undefined;
  const timersOnlyWith = onlyWith.timer;
  const edges = { wants, provides };
  return { name, ...edges, options, isStateful, hasTimers, timersOnlyWith, collectsBatches, module };
}

/**
 * The present definition of a UDF, as it was found. Throws `invalid_module` if the UDF is gone, or has changed in a way that
 * Kapacitor (edges, options) or open connections (state, timers, a `batch` handler) cannot adopt.
 */
export function checkedInfo(old: UdfInfo, found: UdfInfo | undefined): UdfInfo {
  const refuse = (change: string, remedy: string): never => {
    throw new UdfError('invalid_module', `${old.name}: ${change}; ${remedy}`);
  };
  const forKapacitor = 'Kapacitor learns that only when it and this host are started again';
  if (found === undefined) return refuse('its module does not export it any more', forKapacitor);
  const change = infoChange(old, found);
  if (change !== undefined) return refuse(change, forKapacitor);
  const kind = kindChange(old, found);
  if (kind !== undefined)
    return refuse(kind, 'open connections cannot take that over: start this host again');
  return found;
}

/** A change that open connections cannot adopt; `undefined` if there is none. */
function kindChange(old: UdfInfo, now: UdfInfo): string | undefined {
  const kinds = [
    [old.isStateful, now.isStateful, 'state or timers'],
    [old.hasTimers, now.hasTimers, 'timers'],
    [old.collectsBatches, now.collectsBatches, 'a "batch" handler'],
  ] as const;
  for (const [before, after, what] of kinds) {
    if (before !== after) return after ? `it has ${what} now` : `it has no ${what} any more`;
  }
  if (isDeepStrictEqual(old.timersOnlyWith, now.timersOnlyWith)) return undefined;
  return 'the options that its timers depend on have changed';
}

/**
 * A change of what Kapacitor asks for when it starts, and only then: edges and options. `undefined` if there is none.
 */
function infoChange(old: UdfInfo, now: UdfInfo): string | undefined {
  if (old.wants !== now.wants || old.provides !== now.provides) {
    return `its edges were ${old.wants} -> ${old.provides}, are ${now.wants} -> ${now.provides}`;
  }
  if (isDeepStrictEqual(old.options, now.options)) return undefined;
  const names = new Set([...Object.keys(old.options), ...Object.keys(now.options)]);
  const changed = [...names].filter((name) => !isDeepStrictEqual(old.options[name], now.options[name]));
  return `its options have changed: ${changed.join(', ')}`;
}
