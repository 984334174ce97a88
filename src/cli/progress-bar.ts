const updateIntervalMs = 200;

/** Progress in bytes, with the other values of the bar's format. */
export interface Progress {
  readonly bytes: number;
  readonly values?: Readonly<Record<string, string | number>>;
}

export interface ProgressBar {
  /** Shows the bar and polls `read`. No-op if the total is unknown. */
  start(totalBytes: number | undefined, read: () => Progress): void;
  /** Removes the bar. */
  stop(): void;
}

/** Creates a progress bar on standard error, with a format of cli-progress. It shows nothing unless that is a terminal. */
export async function createProgressBar(format: string): Promise<ProgressBar> {
  if (!process.stderr.isTTY) return { start: () => undefined, stop: () => undefined };
  const { Presets, SingleBar } = await import('cli-progress');
  const bar = new SingleBar(
    { format, stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  );
  let timer: NodeJS.Timeout | undefined;
  return {
    start(totalBytes, read) {
      if (totalBytes === undefined) return;
      bar.start(totalBytes, 0, read().values);
      timer = setInterval(() => {
        const { bytes, values } = read();
        bar.update(Math.min(bytes, totalBytes), values);
      }, updateIntervalMs);
    },
    stop() {
      clearInterval(timer);
      bar.stop();
    },
  };
}
