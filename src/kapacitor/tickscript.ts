import { type Token, tokensOf } from './tick-tokens.js';
import type { Dbrp, TaskType } from './types.js';

/** A part of a script: `script.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A property of a node: `.field('value')`. */
export interface Property extends Span {
  readonly name: string;
  /** The words between its parentheses. */
  readonly args: readonly Token[];
}

/** A node of a script: `|alert()` or `@edgeDetect()`, with its properties. */
export interface ScriptNode extends Span {
  readonly name: string;
  readonly udf: boolean;
  /** As Kapacitor numbers them: `alert3` is the node with number 3. The source has number 0. */
  readonly number: number;
  /** The words between the parentheses of the call itself. */
  readonly args: readonly Token[];
  readonly properties: readonly Property[];
  /** The chain that it stands in; absent if that is an argument of another node. */
  readonly chain: Chain | undefined;
}

/** `var name = stream|from()…`: where the statement begins, and where the chain does. */
export interface Chain {
  readonly start: number;
  readonly head: number;
}

/** What can be told of a TICKscript without carrying it out. */
export interface Tickscript {
  /** By the source that it begins with; `undefined` if it has none. */
  readonly type: TaskType | undefined;
  /** Its `dbrp` statements. */
  readonly dbrps: readonly (Dbrp & Span)[];
  readonly nodes: readonly ScriptNode[];
}

/** Reads a TICKscript. It takes any text: what is wrong with a script is for Kapacitor to say. */
export function readTickscript(script: string): Tickscript {
  const tokens = tokensOf(script);
  const source = tokens.find(
    ({ text }, index) => (text === 'stream' || text === 'batch') && !isCall(tokens, index),
  );
  return { type: source?.text as TaskType | undefined, dbrps: dbrpsOf(tokens), nodes: nodesOf(tokens) };
}

/** A text as a script writes it. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}

/** The text that a string or a reference stands for. */
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

/** Nodes in the order in which Kapacitor makes them: an argument of a call before the call itself. */
function nodesOf(tokens: readonly Token[]): ScriptNode[] {
  const nodes: (ScriptNode & { end: number; properties: Property[] })[] = [];
  /** The last node of each level of parentheses, to which properties there belong. */
  const last: ((typeof nodes)[number] | undefined)[] = [undefined];
  const open: { call: number | undefined; from: number }[] = [];
  let chain: Chain = { start: 0, head: 0 };
  tokens.forEach(({ text, kind, start, end }, index) => {
    if (text === '(') {
      const called = isCall(tokens, index - 1) ? index - 2 : undefined;
      open.push({ call: called, from: index + 1 });
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
        ...{ name, args, udf: sign.text === '@', number: nodes.length + 1, start: sign.start, end },
        properties: [],
        chain: open.length === 0 ? chain : undefined,
      };
      nodes.push(node);
      last[last.length - 1] = node;
    } else if (open.length === 0 && kind === 'name' && !isCall(tokens, index)) {
      const word = tokens[index - 3];
      const named = word?.text === 'var' && tokens[index - 1]?.text === '=';
      chain = { start: named ? word.start : start, head: start };
      last[0] = undefined;
    }
  });
  return nodes;
}
