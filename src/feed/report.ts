import { Presets, SingleBar } from 'cli-progress';
import { counted } from '../model/text.js';
import { printJson } from '../cli/print.js';
import type { Delivery } from './delivery.js';
import type { Line } from './line.js';

/** So many problems are told one by one; the others are counted. */
const maxReported = 100;
const everyMs = 200;

/** Tells on standard error how a feed goes. */
export class FeedReport {
  readonly #started = performance.now();
  #told = 0;
  #skipped = 0;
  #earlierBytes = 0;
  #bytes = 0;
  #arrived = 0;
  readonly #bar: SingleBar | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  /** A progress bar needs a terminal, and to know how much there is. */
  constructor(bytes: number | undefined) {
    if (!process.stderr.isTTY || bytes === undefined) return;
    this.#bar = new SingleBar(
      {
        format: '{bar} {percentage}% | {rate} points/s | {eta_formatted} left',
        stream: process.stderr,
        clearOnComplete: true,
      },
      Presets.shades_classic,
    );
    this.#bar.start(bytes, 0, { rate: 0 });
    this.#timer = setInterval(() => {
      this.#bar?.update(Math.min(this.#earlierBytes + this.#bytes, bytes), {
        rate: Math.round(this.#rate()),
      });
    }, everyMs);
  }

  /** So many bytes of the file have been read. */
  read(bytes: number): void {
    this.#bytes = bytes;
  }

  fileDone(): void {
    this.#earlierBytes += this.#bytes;
    this.#bytes = 0;
  }

  progress(arrived: number): void {
    this.#arrived = arrived;
  }

  bad(message: string): void {
    this.#skipped++;
    this.#tell(`left out: ${message}`);
  }

  refused({ from }: Line, reason: string): void {
    this.#tell(`${from}: refused: ${reason}`);
  }

  outage(reason: string | undefined): void {
    this.note(
      reason === undefined
        ? 'the server is back'
        : `the server is away (${reason}); trying again until it is back`,
    );
  }

  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#bar?.stop();
  }

  async print({ arrived, refused, unsent }: Delivery, waitingBatches: number, json: boolean): Promise<void> {
    this.#arrived = arrived;
    const seconds = (performance.now() - this.#started) / 1000;
    if (json) {
      await printJson({ arrived, refused, skipped: this.#skipped, unsent, waitingBatches, seconds });
      return;
    }
    const parts = [
      `${counted(arrived, 'point')} written`,
      ...(refused > 0 ? [`${refused} refused`] : []),
      ...(this.#skipped > 0 ? [`${this.#skipped} left out`] : []),
      ...(unsent > 0 ? [`${unsent} not sent: the feed was stopped while the server was away`] : []),
      ...(waitingBatches > 0
        ? [
            `in the spool there are still ${counted(waitingBatches, 'batch', 'batches')}; run the same again to send them`,
          ]
        : []),
    ];
    const rate = Math.round(this.#rate()).toLocaleString('en');
    process.stderr.write(`${parts.join(', ')}; ${seconds.toFixed(1)} s, ${rate} points/s\n`);
  }

  #rate(): number {
    return this.#arrived / Math.max((performance.now() - this.#started) / 1000, 0.001);
  }

  #tell(message: string): void {
    this.#told++;
    if (this.#told <= maxReported) process.stderr.write(`${message}\n`);
    if (this.#told === maxReported) process.stderr.write('further ones are only counted\n');
  }
}
