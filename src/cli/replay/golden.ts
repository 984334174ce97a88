import { readFile, writeFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { messageOf, systemCode, UdfError } from '../../errors.js';
import { print } from '../print.js';
import { unifiedDiff } from '../tasks/unified-diff.js';
import { formatForFile, type Output, type OutputFormat, outputTo } from './output.js';

/** What came, to be compared with a golden file as text: in the format that the file's name tells. */
export class Golden implements Output {
  readonly #path: string;
  readonly #output: Output;
  #text = '';

  constructor(path: string, format: OutputFormat | undefined) {
    this.#path = path;
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#text += chunk.toString();
        done();
      },
    });
    this.#output = outputTo(stream, formatForFile(path, format), false);
  }

  write(...item: Parameters<Output['write']>): Promise<void> | undefined {
    return this.#output.write(...item);
  }

  end(): Promise<void> {
    return this.#output.end();
  }

  /** Writes what came to the file. */
  async update(): Promise<void> {
    try {
      await writeFile(this.#path, this.#text);
    } catch (cause) {
      throw new UdfError('invalid_config', `cannot write ${this.#path}: ${messageOf(cause)}`, { cause });
    }
  }

  /** Whether it came as the file has it; if not, the difference is printed. */
  async compare(): Promise<boolean> {
    let expected: string;
    try {
      expected = await readFile(this.#path, 'utf8');
    } catch (cause) {
      const why =
        systemCode(cause) === 'ENOENT' ? 'there is no such file; --update writes it' : messageOf(cause);
      throw new UdfError('invalid_config', `cannot read ${this.#path}: ${why}`, { cause });
    }
    if (expected === this.#text) return true;
    await print(unifiedDiff(expected, this.#text, [this.#path, 'emitted']).join('\n'));
    return false;
  }
}
