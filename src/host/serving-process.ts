import type { Logger } from '../telemetry/logger.js';
import { boundPrinting } from '../telemetry/standard-output.js';
import { onForcedExit, onStopSignal, onUncaught, type ServedUdfs, type StopSignal } from './process-end.js';
import { startWatchdog, type Watchdog, type WatchdogSettings } from './watchdog.js';

export interface ServingProcessOptions extends ServedUdfs, WatchdogSettings {
  readonly logger: Logger;
  readonly drainMs: number;
  readonly socketPaths?: readonly string[];
  /** Removes the socket files, if the process ends otherwise than by a first signal. */
  readonly beforeExit?: () => void;
  /** Called at SIGHUP, which ends the process otherwise. */
  readonly onHangUp?: (() => void) | undefined;
}

/**
 * What a process that only serves UDFs does about signals, failures that nothing catches, output that nobody reads, and a
 * blocked event loop. It changes the whole process until `release`, so hosts embedded in other programs go without.
 */
export class ServingProcess {
  readonly signal: StopSignal;
  readonly #options: ServingProcessOptions;
  readonly #releasing: readonly (() => void)[];
  #watchdog: Watchdog | undefined;

  constructor(options: ServingProcessOptions) {
    const { logger, beforeExit = (): void => undefined } = options;
    this.#options = options;
    const unbound = boundPrinting(logger);
    const stopCatching = onUncaught(logger, beforeExit, options);
    const stopNaming = onForcedExit(logger, beforeExit, options);
    this.signal = onStopSignal(beforeExit, options.onHangUp);
    this.#releasing = [
      () => {
        this.signal.release();
      },
      stopNaming,
      stopCatching,
      unbound,
    ];
  }

  /** Starts the watchdog; to be called once the process serves. Not under a debugger, whose pauses block the loop too. */
  watch(): void {
    if (process.execArgv.some((option) => option.startsWith('--inspect'))) return;
    const { definitions, socketPaths = [], ...others } = this.#options;
    const udfs = definitions.map(({ name }) => name);
    const watchdog = startWatchdog({ ...others, udfs, socketPaths });
    this.#watchdog = watchdog;
    void this.signal.then(() => {
      watchdog.stopping();
    });
  }

  release(): void {
    this.#watchdog?.close();
    for (const release of this.#releasing) release();
  }
}
