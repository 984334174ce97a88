import { UdfError } from '../model/errors.js';
import { type InfluxTarget, isBucket } from './target.js';

/**
 * Throws `invalid_argument` for a query that may write: it runs with the user's rights, and a typo must not change stored
 * data.
 */
export function checkReadOnly({ store }: InfluxTarget, query: string): void {
  if (isBucket(store)) checkFlux(query);
  else checkInfluxQl(query);
}

/** Splits an InfluxQL query into statements, without comments, and with `x` in place of strings and quoted names. */
export function splitStatements(query: string): string[] {
  return query
    .replace(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g, 'x')
    .replace(/--[^\n]*|\/\*[^]*?\*\//g, ' ')
    .split(';')
    .filter((statement) => statement.trim() !== '');
}

function checkInfluxQl(query: string): void {
  const statements = splitStatements(query);
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
  const [, writer] = /\b(to|wideTo)\s*\(/.exec(code) ?? [];
  if (writer !== undefined) throw refusal(`${writer}() writes`);
}

function refusal(reason: string): UdfError {
  return new UdfError('invalid_argument', `only a query that reads is sent: ${reason}`);
}
