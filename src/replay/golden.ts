import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { unifiedDiff } from '../expect/differences.js';
import { createAtomicFile } from '../files/atomic-file.js';
import { UdfError } from '../model/errors.js';
import type { RecordedItem, RecordingFormat } from '../recording/format.js';
import { recordedText } from '../recording/source.js';
import { compressed } from '../recording/writer.js';
import { createOutput, formatForFile, isCompressed, type Output, type OutputFormat } from './output.js';

/** Texts are compared in memory. */
const maxCharacters = 128 * 1024 * 1024;

/** Collects emitted points as text in a golden file's format, and compares or updates the file. */
export class Golden implements Output {
  readonly #path: string;
  readonly #format: RecordingFormat | 'table';
  readonly #output: Output;
  #text = '';

  constructor(
    path: string,
    format: OutputFormat | undefined,
    onUnwritable: ((problem: UdfError) => void) | undefined,
  ) {
    this.#path = path;
    this.#format = formatForFile(path, format);
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#text += chunk.toString();
        done(this.#text.length > maxCharacters ? tooLarge() : undefined);
      },
    });
    this.#output = createOutput(stream, this.#format, { compress: false, onUnwritable });
  }

  get unwritable(): number {
    return this.#output.unwritable;
  }

  write(item: RecordedItem): Promise<void> | undefined {
    return this.#output.write(item);
  }

  end(): Promise<void> {
    return this.#output.end();
  }

  /** Writes the emitted points to the file, compressed by its name. Rejects with `invalid_config` if that fails. */
  async update(): Promise<void> {
    const file = createAtomicFile(this.#path);
    try {
      const format = this.#format;
      const isPlain = format === 'table' || !isCompressed(this.#path, format);
      (isPlain ? file.stream : compressed(format, file.stream)).end(this.#text);
      await finished(file.stream);
      await file.commit();
    } catch (reason) {
      await file.discard();
      throw reason;
    }
  }

  /** Returns a unified diff from the file to the emitted points, by lines; empty if equal. Rejects as `recordedText` does. */
  async difference(): Promise<readonly string[]> {
    const expected = await recordedText(this.#path, maxCharacters);
    return unifiedDiff(expected, this.#text, [this.#path, 'emitted']);
  }
}

function tooLarge(): UdfError {
  return new UdfError(
    'limit',
    `--expect compares up to ${maxCharacters / 1024 / 1024} MiB, and more was emitted; write it with --out instead`,
  );
}
