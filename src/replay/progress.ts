import { Presets, SingleBar } from 'cli-progress';
import type { Recording } from '../recording/open.js';

const everyMs = 200;

/** Shows on a terminal how far a recording has been read, until the function that is returned is called. */
export function showProgress(recording: Recording): () => void {
  const { size } = recording;
  if (!process.stderr.isTTY || size === undefined) return () => undefined;
  const bar = new SingleBar(
    { format: '{bar} {percentage}% | {eta_formatted} left', stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  );
  bar.start(size, 0);
  const timer = setInterval(() => {
    bar.update(Math.min(recording.bytesRead, size));
  }, everyMs);
  return () => {
    clearInterval(timer);
    bar.stop();
  };
}
