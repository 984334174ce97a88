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
 * The present definition of a UDF, as it was found. Throws `invalid_module` if it is gone, or has changed so that Kapacitor
 * would have to be told.
 */
export function checkedInfo(old: UdfInfo, found: UdfInfo | undefined): UdfInfo {
  const change = found ? infoChange(old, found) : 'its module does not export it any more';
  if (found && change === undefined) return found;
  const remedy = 'Kapacitor learns that only when it and this host are started again';
  throw new UdfError('invalid_module', `${old.name}: ${change}; ${remedy}`);
}

/**
 * What Kapacitor has been told of a UDF and would have to be told anew, which it asks for only when it starts: `undefined`
 * if that is the same for both.
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
