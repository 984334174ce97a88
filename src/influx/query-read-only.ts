import { UdfError } from '../model/errors.js';
import { type InfluxTarget, isBucket } from './target.js';

/**
 * Refuses a query that does more than read: it is sent with the user's rights, and a mistyped one must not change stored
 * data. Throws `invalid_argument`.
 */
export function checkReadOnly({ store }: InfluxTarget, query: string): void {
  if (isBucket(store)) checkFlux(query);
  else checkInfluxQl(query);
}

/** The statements of an InfluxQL query, without comments, and with `x` for each text and quoted name. */
export function statementsOf(query: string): string[] {
  return query
    .replace(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g, 'x')
    .replace(/--[^\n]*|\/\*[^]*?\*\//g, ' ')
    .split(';')
    .filter((statement) => statement.trim() !== '');
}

function checkInfluxQl(query: string): void {
  const statements = statementsOf(query);
  if (statements.length === 0) throw refusal('it is empty');
  for (const statement of statements) {
    const [first = ''] = /\S+/.exec(statement) ?? [];
    if (!/^select$/i.test(first)) throw refusal(`"${first}" does not select`);
    if (/\binto\b/i.test(statement)) throw refusal('INTO writes');
  }
}

/** Flux has two functions that write, `to` and `wideTo`. */
function checkFlux(query: string): void {
  if (query.trim() === '') throw refusal('it is empty');
  const code = query.replace(/"(?:\\.|[^"\\])*"/g, '""').replace(/\/\/[^\n]*/g, ' ');
  const [, written] = /\b(to|wideTo)\s*\(/.exec(code) ?? [];
  if (written !== undefined) throw refusal(`${written}() writes`);
}

function refusal(why: string): UdfError {
  return new UdfError('invalid_argument', `only a query that reads is sent: ${why}`);
}
