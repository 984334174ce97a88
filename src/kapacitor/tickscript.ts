import { type Token, tokenize } from './tick-tokens.js';
import type { Dbrp, TaskType } from './types.js';

/** A part of a script: `script.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A property of a node: `.field('value')`. */
export interface Property extends Span {
  readonly name: string;
  /** The tokens between its parentheses. */
  readonly args: readonly Token[];
}

/** A node of a script: `|alert()` or `@edgeDetect()`, with its properties. */
export interface ScriptNode extends Span {
  readonly name: string;
  readonly udf: boolean;
  /** Kapacitor's number of the node, as in `alert3`. The source has number 0. */
  readonly number: number;
  /** The tokens between the parentheses of the call itself. */
  readonly args: readonly Token[];
  readonly properties: readonly Property[];
  /** Its chain; absent if the chain is an argument of another node. */
  readonly chain: Chain | undefined;
}

/** Offsets in `var name = stream|from()…`: of the statement, and of the chain's first token. */
export interface Chain {
  readonly start: number;
  readonly head: number;
}

/** The parts of a TICKscript, as parsed from its text. */
export interface Tickscript {
  /** By its source, `stream` or `batch`; `undefined` without one. */
  readonly type: TaskType | undefined;
  /** Its `dbrp` statements. */
  readonly dbrps: readonly (Dbrp & Span)[];
  readonly nodes: readonly ScriptNode[];
}

/** Parses a TICKscript. Never throws: Kapacitor itself reports errors in a script. */
export function readTickscript(script: string): Tickscript {
  const tokens = tokenize(script);
  const source = tokens.find(
    ({ text }, index) => (text === 'stream' || text === 'batch') && !isCall(tokens, index),
  );
  return { type: source?.text as TaskType | undefined, dbrps: dbrpsOf(tokens), nodes: nodesOf(tokens) };
}

/** A TICKscript string literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}

/** The value of a string or a reference. */
export function unquote({ text }: Token): string {
  if (text.startsWith("'''")) return text.slice(3, -3);
  return text.slice(1, -1).replaceAll(`\\${text[0]!}`, text[0]!);
}

const isCall = (tokens: readonly Token[], index: number): boolean =>
  /^[|@.]$/.test(tokens[index - 1]?.text ?? '');

function dbrpsOf(tokens: readonly Token[]): (Dbrp & Span)[] {
  return tokens.flatMap((token, index) => {
    const [db, dot, rp] = tokens.slice(index + 1, index + 4);
    if (token.text !== 'dbrp' || token.kind !== 'name' || isCall(tokens, index)) return [];
    if (db?.kind !== 'reference' || dot?.text !== '.' || rp?.kind !== 'reference') return [];
    return [{ db: unquote(db), rp: unquote(rp), start: token.start, end: rp.end }];
  });
}

/** Nodes in the order in which Kapacitor creates them: an argument of a call before the call itself. */
function nodesOf(tokens: readonly Token[]): ScriptNode[] {
  const nodes: (ScriptNode & { end: number; properties: Property[] })[] = [];
  /** The last node at each depth of parentheses: the owner of the properties there. */
  const last: ((typeof nodes)[number] | undefined)[] = [undefined];
  const open: { call: number | undefined; from: number }[] = [];
  let chain: Chain = { start: 0, head: 0 };
  tokens.forEach(({ text, kind, start, end }, index) => {
    if (text === '(') {
      const call = isCall(tokens, index - 1) ? index - 2 : undefined;
      open.push({ call, from: index + 1 });
      last.push(undefined);
    } else if (text === ')') {
      last.pop();
      const { call, from } = open.pop() ?? { call: undefined, from: index };
      const sign = call === undefined ? undefined : tokens[call];
      if (!sign || call === undefined) return;
      const name = tokens[call + 1]!.text;
      const args = tokens.slice(from, index);
      if (sign.text === '.') {
        const owner = last.at(-1);
        owner?.properties.push({ name, args, start: sign.start, end });
        if (owner) owner.end = end;
        return;
      }
      const node = {
        name,
        args,
        udf: sign.text === '@',
        number: nodes.length + 1,
        start: sign.start,
        end,
        properties: [],
        chain: open.length === 0 ? chain : undefined,
      };
      nodes.push(node);
      last[last.length - 1] = node;
    } else if (open.length === 0 && kind === 'name' && !isCall(tokens, index)) {
      const keyword = tokens[index - 3];
      const isDeclaration = keyword?.text === 'var' && tokens[index - 1]?.text === '=';
      chain = { start: isDeclaration ? keyword.start : start, head: start };
      last[0] = undefined;
    }
  });
  return nodes;
}
