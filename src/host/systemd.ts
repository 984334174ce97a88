import { type ChildProcess, spawn } from 'node:child_process';
import { maxTimerMs } from '../model/duration.js';
import { capText } from '../model/text.js';
import type { Logger } from '../telemetry/logger.js';

/** Notifies systemd of the state of a service of `Type=notify`. */
export interface ServiceNotifier {
  /** Start-up is done. From now on, systemd's watchdog is answered. */
  ready(status: string): void;
  stopping(status: string): void;
  /** Ends the notifications; what was sent before still arrives. */
  release(): void;
}

const noNotifier: ServiceNotifier = {
  ready: () => undefined,
  stopping: () => undefined,
  release: () => undefined,
};

/**
 * Passes each line of standard input to systemd-notify, as Node.js has no datagram sockets. One shell for all, because
 * starting a process from one with much memory takes its time. systemd signals it along with the host, which it outlives.
 */
const script = `trap '' TERM INT HUP; while IFS= read -r line; do systemd-notify "$line"; done`;

/**
 * Notifies systemd if it asks for that (`NOTIFY_SOCKET`): of the start, of the end, and, if the unit has `WatchdogSec=`, that
 * the event loop runs, twice in that time. The unit needs `NotifyAccess=all`. Where systemd-notify is missing or fails, one
 * warning is logged.
 */
export function notifyServiceManager(
  logger: Logger,
  env: Readonly<NodeJS.ProcessEnv> = process.env,
): ServiceNotifier {
  if (!env.NOTIFY_SOCKET) return noNotifier;
  return new SystemdNotifier(logger, env);
}

const maxReasonBytes = 1024;

class SystemdNotifier implements ServiceNotifier {
  readonly #logger: Logger;
  readonly #child: ChildProcess;
  readonly #pingMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hasWarned = false;

  constructor(logger: Logger, env: Readonly<NodeJS.ProcessEnv>) {
    this.#logger = logger;
    this.#pingMs = pingMs(env);
    this.#child = spawn('/bin/sh', ['-c', script], { env, stdio: ['pipe', 'ignore', 'pipe'] });
    const { stdin, stderr } = this.#child;
    this.#child.on('error', ({ message }) => {
      this.#warn(message);
    });
    stdin?.on('error', ({ message }) => {
      this.#warn(message);
    });
    let line = ''; // a shell writes it in pieces
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (!this.#hasWarned) line += text;
      if (line.includes('\n') || line.length >= maxReasonBytes) this.#warn(line);
    });
    // Neither keeps the process from ending, after which the shell reads the end of its input.
    this.#child.unref();
    for (const stream of [stdin, stderr]) (stream as { unref?: () => void } | null)?.unref?.(); // they are sockets
  }

  ready(status: string): void {
    this.#send('READY=1', `STATUS=${status}`);
    if (this.#pingMs === undefined) return;
    this.#timer = setInterval(() => {
      this.#send('WATCHDOG=1');
    }, this.#pingMs).unref();
  }

  stopping(status: string): void {
    this.#send('STOPPING=1', `STATUS=${status}`);
  }

  release(): void {
    clearInterval(this.#timer);
    this.#child.stdin?.end();
  }

  #send(...lines: readonly string[]): void {
    const { stdin } = this.#child;
    if (!stdin?.writable) return;
    for (const line of lines) stdin.write(`${line.replace(/\s+/g, ' ')}\n`);
  }

  #warn(reason: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger.warn(
      { reason: capText(reason.trim(), maxReasonBytes) },
      'systemd cannot be notified: install systemd-notify and set NotifyAccess=all, or set Type=exec without WatchdogSec=',
    );
  }
}

/** Half of the watchdog's time; `undefined` if there is none, or it is another process's. */
function pingMs({ WATCHDOG_USEC, WATCHDOG_PID }: Readonly<NodeJS.ProcessEnv>): number | undefined {
  const microseconds = Number(WATCHDOG_USEC);
  if (!Number.isSafeInteger(microseconds) || microseconds <= 0) return undefined;
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return undefined;
  return Math.min(Math.max(Math.floor(microseconds / 2_000), 1), maxTimerMs);
}
