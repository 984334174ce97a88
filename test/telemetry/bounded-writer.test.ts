import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BoundedWriter } from '../../src/telemetry/bounded-writer.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

/** A pipe whose writing end does not block, and what has been read from it. */
class Pipe {
  readonly writing: number;
  text = '';
  readonly #reading: number;
  readonly #buffer = Buffer.alloc(64 * 1024);

  constructor() {
    const path = join(tempDir(), 'pipe');
    execFileSync('mkfifo', [path]);
    this.#reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writing = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    onTestFinished(() => {
      this.closeReader();
      closeSync(this.writing);
    });
  }

  #isOpen = true;

  closeReader(): void {
    if (this.#isOpen) closeSync(this.#reading);
    this.#isOpen = false;
  }

  /** Reads once, at most `max` bytes. */
  read(max = this.#buffer.length): void {
    try {
      this.text += this.#buffer.toString('utf8', 0, readSync(this.#reading, this.#buffer, 0, max, null));
    } catch (reason) {
      expect((reason as NodeJS.ErrnoException).code).toBe('EAGAIN');
    }
  }

  readUntil(end: string): Promise<void> {
    return until(`"${end}" is read`, () => {
      this.read();
      return this.text.endsWith(end);
    });
  }

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

const line = (index: number, length = 100): string => `${String(index).padEnd(length - 1, '.')}\n`;

describe('a writer whose reader stalls', () => {
  test('returns at once, and all arrives in order when it is read', async () => {
    const pipe = new Pipe();
    const writer = new BoundedWriter(pipe.writing);
    for (let index = 0; index < 5_000; index++) writer.write(line(index)); // seven times what a pipe holds
    writer.write('end\n');
    await pipe.readUntil('end\n');
    expect(pipe.lines.slice(0, -1)).toEqual(Array.from({ length: 5_000 }, (_, index) => line(index).trim()));
  });

  test('drops whole lines beyond its limit, and says how many once there is room', async () => {
    const pipe = new Pipe();
    const writer = new BoundedWriter(pipe.writing, {
      maxBytes: 100_000,
      onDropped: (count) => {
        writer.write(`dropped ${count}\n`);
      },
    });
    for (let index = 0; index < 5_000; index++) writer.write(line(index));
    await until('the notice is read', () => {
      pipe.read();
      return /dropped \d+\n$/.test(pipe.text);
    });
    const kept = pipe.lines.slice(0, -1);
    expect(kept).toEqual(Array.from(kept, (_, index) => line(index).trim()));
    expect(pipe.lines.at(-1)).toBe(`dropped ${5_000 - kept.length}`);
    expect(writer.totalDropped).toBe(5_000 - kept.length);
    expect(kept.length * 100).toBeGreaterThan(100_000);
    writer.write('after\n');
    await pipe.readUntil('after\n');
  });

  test('keeps room for urgent lines', async () => {
    const pipe = new Pipe();
    const writer = new BoundedWriter(pipe.writing, { maxBytes: 100_000 });
    for (let index = 0; index < 5_000; index++) writer.write(line(index));
    writer.write('urgent\n', true);
    await pipe.readUntil('urgent\n');
  });

  test('never tears a line, whatever is written and however it is read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ length: fc.integer({ min: 2, max: 30_000 }), read: fc.nat(70_000) }), {
          maxLength: 60,
        }),
        async (steps) => {
          const pipe = new Pipe();
          const writer = new BoundedWriter(pipe.writing, { maxBytes: 150_000 });
          const written = steps.map(({ length }, index) => line(index % 10, length));
          steps.forEach(({ read }, index) => {
            writer.write(written[index]!);
            if (read > 0) pipe.read(Math.min(read, 64 * 1024));
          });
          writer.write('end\n', true);
          await pipe.readUntil('end\n');
          const all = written.map((text) => text.trim());
          let at = 0;
          for (const text of pipe.lines.slice(0, -1)) {
            at = all.indexOf(text, at) + 1; // what was dropped is skipped
            expect(at).toBeGreaterThan(0);
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('a writer that cannot write', () => {
  test('drops what is written after its reader has gone, without throwing', () => {
    const pipe = new Pipe();
    const counts: number[] = [];
    const writer = new BoundedWriter(pipe.writing, { onDropped: (count) => counts.push(count) });
    pipe.closeReader();
    writer.write('lost\n');
    writer.write('lost too\n');
    expect(counts).toEqual([]); // where would it be told?
  });

  test('drops what does not fit on a full disk, without throwing', () => {
    const full = openSync('/dev/full', 'w');
    onTestFinished(() => {
      closeSync(full);
    });
    new BoundedWriter(full).write('lost\n');
  });
});
