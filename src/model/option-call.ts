import { durationLiteral } from './duration.js';

/** The types of arguments in a TICKscript. */
export type OptionType = 'bool' | 'int' | 'double' | 'string' | 'duration';

/** One argument of an option; an int64 (int, duration in nanoseconds) is a bigint. */
export type OptionArgument =
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'duration'; readonly value: bigint };

/** One call of an option in a TICKscript, as the init request contains it. */
export interface OptionCall {
  readonly name: string;
  readonly args: readonly OptionArgument[];
}

/** An argument as a TICKscript writes it: `'text'`, `10`, `1.0`, `30s` or `TRUE`. */
export function formatArgument({ type, value }: OptionArgument): string {
  if (type === 'string') return `'${value.replaceAll("'", "\\'")}'`;
  if (type === 'bool') return value ? 'TRUE' : 'FALSE';
  if (type === 'duration') return durationLiteral(value);
  return type === 'double' && Number.isInteger(value) ? value.toFixed(1) : String(value);
}
