/** A token of a TICKscript: `script.slice(start, end)`. */
export interface Token {
  readonly kind: 'name' | 'string' | 'reference' | 'regex' | 'number' | 'sign';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const patterns: readonly (readonly [Token['kind'] | undefined, RegExp])[] = [
  [undefined, /\s+|\/\/[^\n]*/y],
  ['string', /'''[\s\S]*?'''|'(?:\\'|[^'])*'/y],
  ['reference', /"(?:\\"|[^"])*"/y],
  ['number', /\d+(?:\.\d+|[a-zµ]+)?/y],
  ['name', /[A-Za-z_][A-Za-z0-9_]*/y],
  ['regex', /\/(?:\\\/|[^/\n])+\//y],
];

/** After these tokens a slash is a division; elsewhere it begins a regular expression. */
const operands: ReadonlySet<Token['kind']> = new Set(['name', 'string', 'reference', 'number']);

/** The tokens of a TICKscript, without comments. Any other character is a `sign`. Never throws. */
export function tokenize(script: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < script.length;) {
    const { kind, end } = tokenAt(script, at, tokens.at(-1));
    if (kind !== undefined) tokens.push({ kind, text: script.slice(at, end), start: at, end });
    at = end;
  }
  return tokens;
}

function tokenAt(
  script: string,
  at: number,
  before: Token | undefined,
): { kind: Token['kind'] | undefined; end: number } {
  const divides = before !== undefined && (operands.has(before.kind) || before.text === ')');
  for (const [kind, pattern] of patterns) {
    if (kind === 'regex' && divides) continue;
    pattern.lastIndex = at;
    if (pattern.test(script)) return { kind, end: pattern.lastIndex };
  }
  return { kind: 'sign', end: at + 1 };
}
