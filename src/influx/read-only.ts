import { UdfError } from '../model/errors.js';
import { type InfluxTarget, isBucket } from './target.js';

/**
 * Refuses a query that does more than read: it is sent with the rights of whoever asks, and a mistyped one must not change
 * what is there. Throws `invalid_argument`.
 */
export function checkReadOnly({ store }: InfluxTarget, query: string): void {
  if (isBucket(store)) checkFlux(query);
  else checkInfluxQl(query);
}

function checkInfluxQl(query: string): void {
  const statements = query
    .replace(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g, 'x') // texts and names, which may hold anything
    .replace(/--[^\n]*|\/\*[^]*?\*\//g, ' ')
    .split(';')
    .filter((statement) => statement.trim() !== '');
  if (statements.length === 0) throw refused('it is empty');
  for (const statement of statements) {
    const [first = ''] = /\S+/.exec(statement) ?? [];
    if (!/^select$/i.test(first)) throw refused(`"${first}" does not select`);
    if (/\binto\b/i.test(statement)) throw refused('INTO writes');
  }
}

/** Flux has two functions that write, `to` and `wideTo`. */
function checkFlux(query: string): void {
  if (query.trim() === '') throw refused('it is empty');
  const code = query.replace(/"(?:\\.|[^"\\])*"/g, '""').replace(/\/\/[^\n]*/g, ' ');
  const [, written] = /\b(to|wideTo)\s*\(/.exec(code) ?? [];
  if (written !== undefined) throw refused(`${written}() writes`);
}

function refused(why: string): UdfError {
  return new UdfError('invalid_argument', `only a query that reads is sent: ${why}`);
}
