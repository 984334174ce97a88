import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { smallIntegersAsNumbers } from '../kapacitor/task-file.js';
import { UdfError } from '../model/errors.js';

/** A node of a YAML file with its line. Each method throws `invalid_config` that names file, line and key. */
export class YamlNode {
  readonly #file: YamlFile;
  readonly #node: Node | null;
  readonly #what: string;

  private constructor(file: YamlFile, node: Node | null, what: string) {
    this.#file = file;
    this.#node = node;
    this.#what = what;
  }

  /** The root of a file. */
  static read(path: string, text: string): YamlNode {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, intAsBigInt: true });
    const [error] = document.errors;
    if (error) throw invalid(path, lines.linePos(error.pos[0]).line, error.message);
    return new YamlNode({ path, lines, document }, document.contents, 'the file');
  }

  get line(): number {
    return this.#file.lines.linePos(this.#node?.range?.[0] ?? 0).line;
  }

  get isList(): boolean {
    return isSeq(this.#node);
  }

  get isMap(): boolean {
    return isMap(this.#node);
  }

  /** The values of a map by key. Only `known` keys are allowed, any if not given. */
  map(known?: readonly string[]): ReadonlyMap<string, YamlNode> {
    if (!isMap(this.#node)) this.fail(`must be a map of keys${known ? `: ${known.join(', ')}` : ''}`);
    const entries = new Map<string, YamlNode>();
    for (const { key, value } of this.#node.items) {
      const name = String(isScalar(key) ? key.value : key);
      if (known && !known.includes(name)) {
        throw invalid(
          this.#file.path,
          new YamlNode(this.#file, key as Node, name).line,
          `"${name}" is no key of ${this.#what}; there are ${known.join(', ')}`,
        );
      }
      entries.set(name, new YamlNode(this.#file, (value ?? key) as Node, name));
    }
    return entries;
  }

  list(): YamlNode[] {
    if (!isSeq(this.#node)) this.fail('must be a list');
    return this.#node.items.map(
      (item, index) => new YamlNode(this.#file, item as Node, `${this.#what}[${index}]`),
    );
  }

  text(): string {
    const value = this.#scalar();
    return typeof value === 'string' ? value : this.fail('must be a text');
  }

  count(): number {
    const value = this.#scalar();
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) this.fail('must be a count');
    return value;
  }

  number(): number {
    const value = this.#scalar();
    return typeof value === 'number' ? value : this.fail('must be a number');
  }

  oneOf<Choice extends string>(choices: readonly Choice[]): Choice {
    const value = this.#scalar();
    return choices.find((choice) => choice === value) ?? this.fail(`must be ${choices.join(' or ')}`);
  }

  /** The value as plain data; integers beyond 2^53 are `bigint`. */
  plain(): unknown {
    return smallIntegersAsNumbers(this.#node?.toJS(this.#file.document));
  }

  fail(message: string): never {
    throw invalid(this.#file.path, this.line, `${this.#what} ${message}`);
  }

  #scalar(): unknown {
    return isScalar(this.#node) ? smallIntegersAsNumbers(this.#node.value) : undefined;
  }
}

interface YamlFile {
  readonly path: string;
  readonly lines: LineCounter;
  readonly document: Document;
}

function invalid(path: string, line: number, message: string): UdfError {
  return new UdfError('invalid_config', `${path}:${line}: ${message.replace(/\s+/g, ' ')}`);
}
