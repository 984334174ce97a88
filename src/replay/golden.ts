import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { systemCode, UdfError } from '../model/errors.js';
import type { RecordingFormat } from '../recording/format.js';
import { recordedText } from '../recording/source.js';
import { compressed } from '../recording/writer.js';
import { print } from '../cli/print.js';
import { unifiedDiff } from '../expect/differences.js';
import { wholeFile } from '../files/whole-file.js';
import { formatForFile, isCompressed, type Output, type OutputFormat, outputTo } from './output.js';

/** A difference is worked out in memory; what is larger is written by `--out` and compared by other means. */
const maxCharacters = 128 * 1024 * 1024;

/** What came, to be compared with a golden file as text: in the format that the file's name tells, uncompressed. */
export class Golden implements Output {
  readonly #path: string;
  readonly #format: RecordingFormat | 'table';
  readonly #output: Output;
  #text = '';

  constructor(path: string, format: OutputFormat | undefined) {
    this.#path = path;
    this.#format = formatForFile(path, format);
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#text += chunk.toString();
        done(this.#text.length > maxCharacters ? tooMuch() : undefined);
      },
    });
    this.#output = outputTo(stream, this.#format, false);
  }

  write(...item: Parameters<Output['write']>): Promise<void> | undefined {
    return this.#output.write(...item);
  }

  end(): Promise<void> {
    return this.#output.end();
  }

  /** Writes what came to the file, compressed if its name says so. */
  async update(): Promise<void> {
    const file = wholeFile(this.#path);
    try {
      const format = this.#format;
      const isPlain = format === 'table' || !isCompressed(this.#path, format);
      (isPlain ? file.stream : compressed(format, file.stream)).end(this.#text);
      await finished(file.stream);
      await file.keep();
    } catch (reason) {
      await file.discard();
      throw reason;
    }
  }

  /** Whether it came as the file has it; if not, the difference is printed. */
  async compare(): Promise<boolean> {
    const expected = await recordedText(this.#path, maxCharacters).catch((reason: unknown) => {
      const cause = reason instanceof UdfError ? reason.cause : reason;
      if (systemCode(cause) !== 'ENOENT') throw reason;
      const message = `cannot read ${this.#path}: there is no such file; --update writes it`;
      throw new UdfError('invalid_config', message, { cause });
    });
    if (expected === this.#text) return true;
    await print(unifiedDiff(expected, this.#text, [this.#path, 'emitted']).join('\n'));
    return false;
  }
}

function tooMuch(): UdfError {
  return new UdfError(
    'limit',
    `--expect compares up to ${maxCharacters / 1024 / 1024} MiB, and more came; write it with --out instead`,
  );
}
