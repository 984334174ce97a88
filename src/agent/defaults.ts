import { errorPolicies, type ErrorPolicy } from '../udf/runtime-options.js';

/** The host's settings for every use of a UDF; a TICKscript can override them. */
export interface InstanceDefaults {
  readonly onError?: ErrorPolicy | undefined;
  /** Nanoseconds without points after which a group's state is forgotten; never by default. */
  readonly groupTtl?: bigint | undefined;
  /** Max groups of a use that have state, those used last; no limit by default. */
  readonly maxGroups?: number | undefined;
}

/** What is wrong with a host's defaults; `undefined` if nothing is. */
export function defaultsProblem({ onError, groupTtl, maxGroups }: InstanceDefaults): string | undefined {
  if (onError !== undefined && !errorPolicies.includes(onError)) {
    return `onError must be one of ${errorPolicies.join(', ')}, got ${onError as string}`;
  }
  if (groupTtl !== undefined && (typeof groupTtl !== 'bigint' || groupTtl <= 0n)) {
    return `groupTtl must be a bigint of nanoseconds above 0, got ${String(groupTtl)}`;
  }
  if (maxGroups !== undefined && (!Number.isSafeInteger(maxGroups) || maxGroups < 1)) {
    return `maxGroups must be a whole number from 1, got ${String(maxGroups)}`;
  }
  return undefined;
}
