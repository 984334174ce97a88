import { UdfError } from '../model/errors.js';
import { parseDuration } from '../model/duration.js';
import { formatArgument, type OptionArgument, type OptionCall } from '../model/option-call.js';

/** The tokens of option calls in TICKscript. */
const space = /(?:\s|\/\/[^\n]*)*/y;
const callStart = /\.\s*([A-Za-z_]\w*)\s*\(/y;
const longText = /'''([^]*?)'''/y;
const text = /'((?:\\'|[^'])*)'/y;
const boolean = /(TRUE|FALSE)\b/y;
const duration = /-?(?:\d+(?:ns|ms|[wdhmsuµ]))+/y;
const double = /-?(?:\d+\.\d*|\.\d+)/y;
const integer = /-?\d+/y;

/**
 * Parses option calls in TICKscript: `.field('value').size(3)`. Numbers have TICKscript's types: `3` is an
 * int, `3.0` a double, `3s` a duration.
 *
 * Throws `invalid_argument` with the column of what is not a call.
 */
export function parseOptionChain(script: string): OptionCall[] {
  const reader = new ChainReader(script);
  const calls: OptionCall[] = [];
  for (reader.take(space); !reader.done; reader.take(space)) calls.push(reader.call());
  return calls;
}

/** Parses one TICKscript literal. Throws `invalid_argument`. */
export function parseOptionValue(script: string): OptionArgument {
  const reader = new ChainReader(script);
  reader.take(space);
  const value = reader.argument();
  reader.take(space);
  if (!reader.done) throw reader.error('the end');
  return value;
}

/** Formats option calls as TICKscript: `.field('value').size(10)`. */
export function formatOptions(calls: readonly OptionCall[]): string {
  return calls.map(({ name, args }) => `.${name}(${args.map(formatArgument).join(', ')})`).join('');
}

class ChainReader {
  readonly #script: string;
  #at = 0;

  constructor(script: string) {
    this.#script = script;
  }

  get done(): boolean {
    return this.#at === this.#script.length;
  }

  take(token: RegExp): RegExpExecArray | null {
    token.lastIndex = this.#at;
    const match = token.exec(this.#script);
    if (match) this.#at = token.lastIndex;
    return match;
  }

  call(): OptionCall {
    const start = this.take(callStart);
    if (!start) throw this.error("a call such as .field('value')");
    const args: OptionArgument[] = [];
    this.take(space);
    while (!this.take(/\)/y)) {
      if (args.length > 0 && !this.take(/,/y)) throw this.error(', or )');
      this.take(space);
      args.push(this.argument());
      this.take(space);
    }
    return { name: start[1]!, args };
  }

  argument(): OptionArgument {
    const long = this.take(longText);
    if (long) return { type: 'string', value: long[1]! };
    const quoted = this.take(text);
    if (quoted) return { type: 'string', value: quoted[1]!.replaceAll("\\'", "'") };
    const truth = this.take(boolean);
    if (truth) return { type: 'bool', value: truth[1] === 'TRUE' };
    const time = this.take(duration);
    if (time) return { type: 'duration', value: parseDuration(time[0]) };
    const fraction = this.take(double);
    if (fraction) return { type: 'double', value: Number(fraction[0]) };
    const whole = this.take(integer);
    if (whole) return { type: 'int', value: BigInt(whole[0]) };
    throw this.error("a value such as 'text', 10, 1.5, 30s or TRUE");
  }

  error(expected: string): UdfError {
    const found = this.done ? 'the end' : `"${this.#script.slice(this.#at, this.#at + 20)}"`;
    return new UdfError(
      'invalid_argument',
      `options at column ${this.#at + 1}: expected ${expected}, found ${found}`,
    );
  }
}
