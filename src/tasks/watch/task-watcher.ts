import { setTimeout as sleep } from 'node:timers/promises';
import { KapacitorRefusal } from '../../kapacitor/http.js';
import { messageOf } from '../../model/errors.js';
import type { Connection } from '../../kapacitor/connections.js';
import { udfsOf } from '../../kapacitor/task-status.js';
import { Attempts, defaultAttemptLimits } from './attempts.js';
import { reviveTask } from './revive-task.js';
import { SocketProbes } from './socket-probes.js';
import {
  type Evidence,
  revisionOf,
  type Sighting,
  sightingOf,
  type Verdict,
  verdictOn,
  watchedFields,
  type WatchedTask,
} from './verdict.js';
import type { TaskEvent } from './watch-event.js';
import type { WatcherOptions } from './watcher-options.js';

/** Counters since the start. */
export interface WatchCounts {
  revived: number;
  failed: number;
  gaveUp: number;
}

/** Tasks that use the UDFs after a round: how many run, and how many need a revival or a person. */
export interface RoundResult {
  readonly running: number;
  readonly stopped: number;
  /** Whether Kapacitor answered. */
  readonly isAvailable: boolean;
}

const defaultIntervalMs = 2_000;
/** Time between two rounds at the start, after an outage, and while a task is not as it should be. */
const urgentIntervalMs = 250;
const urgentMs = 15_000;
const maxConcurrentRevivals = 8;
/** How long an answer of a socket counts for a task that waits. */
const waitingProbeAgeMs = 10_000;

/**
 * Watches the tasks of one Kapacitor that use certain UDFs, and revives those that are enabled and have lost them. What
 * fails is reported as an event.
 *
 * A task is left alone if a person has disabled it, or if it stopped for a reason of its own. It is revived only while the
 * sockets of its UDFs answer. See `verdictOn` for the rules.
 */
export class TaskWatcher {
  readonly counts: WatchCounts = { revived: 0, failed: 0, gaveUp: 0 };
  readonly #options: WatcherOptions;
  readonly #now: () => number;
  readonly #attempts: Attempts;
  readonly #probes: SocketProbes;
  readonly #sightings = new Map<string, Sighting>();
  /** What was last reported of a task that is not revived. */
  readonly #reported = new Map<string, string>();
  readonly #stop = new AbortController();
  #outageSince: number | undefined;
  #urgentUntil = 0;
  #loop: Promise<void> | undefined;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#probes = new SocketProbes(options.probe, this.#now);
    this.#attempts = new Attempts({ ...defaultAttemptLimits, ...options.limits }, options.random);
  }

  /** Watches until `stop`; resolves then. Rejects with what `report`, `sockets` or `connections` throws. */
  start(): Promise<void> {
    this.#loop ??= this.#run();
    return this.#loop;
  }

  /** Resolves once a revival that is under way is done. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop?.catch(() => undefined); // start() itself reports the error
  }

  async #run(): Promise<void> {
    const { intervalMs = defaultIntervalMs } = this.#options;
    const { signal } = this.#stop;
    this.#hurry();
    while (!signal.aborted) {
      await this.round();
      const isUrgent = this.#now() < this.#urgentUntil;
      const delay = isUrgent ? Math.min(urgentIntervalMs, intervalMs) : intervalMs;
      await sleep(delay, undefined, { signal }).catch(() => undefined);
    }
  }

  #hurry(): void {
    this.#urgentUntil = this.#now() + urgentMs;
  }

  /** Looks at all tasks once, and revives those that need it. */
  async round(): Promise<RoundResult> {
    const { api, connections } = this.#options;
    let tasks: WatchedTask[];
    try {
      tasks = await api.taskFields(watchedFields);
    } catch (reason) {
      await this.#outage(reason);
      return { running: 0, stopped: 0, isAvailable: false };
    }
    await this.#available();
    const connectionOf = connections(tasks);
    this.#forget(new Set(tasks.map(({ id }) => id)));
    const sockets = this.#options.sockets();
    const connected = new Map<string, string>();
    const candidates: { readonly task: WatchedTask; readonly why: string }[] = [];
    let [running, stopped] = [0, 0];
    for (const task of tasks) {
      const verdict = await this.#judge(task, connectionOf(task), sockets);
      if (verdict.action === 'ignore') continue;
      if (verdict.action === 'runs') running++;
      else stopped++;
      if (verdict.action === 'runs' && connectionOf(task).state === 'connected') {
        connected.set(task.id, revisionOf(task));
      } else if (verdict.action === 'revive') candidates.push({ task, why: verdict.why });
    }
    const revived = await this.#reviveAll(candidates, tasks);
    for (const [id, revision] of revived) connected.set(id, revision);
    if (!this.#options.dryRun)
      this.#options.journal.setConnected(api.url, this.#stillKnown(connected, tasks));
    return { running: running + revived.size, stopped: stopped - revived.size, isAvailable: true };
  }

  /** The verdict on a task, after its consequences for what is remembered and reported. */
  async #judge(
    task: WatchedTask,
    connection: Connection,
    sockets: ReadonlyMap<string, string>,
  ): Promise<Verdict> {
    const { api, journal } = this.#options;
    const now = this.#now();
    const pending = journal.pending(api.url).get(task.id);
    if (pending && task.status === 'enabled') journal.end(api.url, task.id);
    const evidence: Evidence = {
      sockets,
      connection,
      pending,
      now,
      connectedRevision: journal.connectedRevision(api.url, task.id),
      earlier: this.#sightings.get(task.id),
    };
    let verdict = verdictOn(task, evidence);
    const isDown = verdict.action === 'revive' || verdict.action === 'wait';
    const maxAgeMs = verdict.action === 'wait' ? waitingProbeAgeMs : undefined;
    const problem = isDown ? await this.#probes.problemOf(udfsOf(task.script), sockets, maxAgeMs) : undefined;
    if (problem !== undefined) verdict = { action: 'wait', why: problem, report: true };
    // While a socket is absent, Kapacitor keeps trying to connect: that time does not count.
    const sighting = problem === undefined ? sightingOf(task, evidence) : undefined;
    // What a second look decides is decided soon.
    if (verdict.action === 'wait' && !verdict.report && now - (sighting?.since ?? 0) < urgentMs)
      this.#hurry();
    if (sighting && verdict.action !== 'ignore') this.#sightings.set(task.id, sighting);
    else this.#sightings.delete(task.id);

    if (verdict.action === 'runs') this.#attempts.runs(task.id, now);
    if (verdict.action === 'leave') await this.#reportOnce(task, 'left', verdict.why);
    else if (verdict.action === 'wait' && verdict.report)
      await this.#reportOnce(task, 'waiting', verdict.why);
    else if (verdict.action !== 'revive' && verdict.action !== 'wait') this.#reported.delete(task.id);
    return verdict;
  }

  /** Revives tasks; returns the revisions of those that run again. */
  async #reviveAll(
    candidates: readonly { readonly task: WatchedTask; readonly why: string }[],
    all: readonly WatchedTask[],
  ): Promise<Map<string, string>> {
    const revived = new Map<string, string>();
    const queue = [...candidates];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next && !this.#stop.signal.aborted; next = queue.shift()) {
        const revision = await this.#revive(next.task, next.why, all);
        if (revision !== undefined) revived.set(next.task.id, revision);
      }
    };
    await Promise.all(Array.from({ length: maxConcurrentRevivals }, work));
    return revived;
  }

  /** Revives a task if it is time; returns its new revision if it runs. */
  async #revive(task: WatchedTask, why: string, all: readonly WatchedTask[]): Promise<string | undefined> {
    const { api, journal, dryRun, connections } = this.#options;
    const { id } = task;
    if (dryRun) {
      await this.#reportOnce(task, 'would-revive', why);
      return undefined;
    }
    const revision = revisionOf(task);
    const turn = this.#attempts.check(id, revision, this.#now());
    if (turn === 'gave-up') {
      this.counts.gaveUp++;
      await this.#report('gave-up', id, { why, attempt: this.#attempts.count(id), ...this.#nextAttempt(id) });
    }
    if (turn !== 'now') return undefined;
    const attempt = this.#attempts.begin(id, revision, this.#now());
    this.#hurry();
    const start = performance.now();
    try {
      const revival = await reviveTask(task, {
        api,
        journal,
        connectionOf: (current) => connections([...all.filter((other) => other.id !== id), current])(current),
      });
      if (revival.result === 'changed') return undefined;
      if (revival.task) this.#attempts.setRevision(id, revisionOf(revival.task));
      if (revival.result === 'failed') {
        await this.#failed(id, why, attempt, revival.reason);
        return undefined;
      }
      this.counts.revived++;
      this.#reported.delete(id);
      this.#sightings.delete(id);
      await this.#report('revived', id, { why, attempt, ms: Math.round(performance.now() - start) });
      return revival.task && revisionOf(revival.task);
    } catch (reason) {
      const current = await api.task(id).catch(() => undefined);
      if (current) this.#attempts.setRevision(id, revisionOf(current));
      if (current?.status === 'enabled') journal.end(api.url, id);
      await this.#failed(
        id,
        why,
        attempt,
        reason instanceof KapacitorRefusal ? reason.reason : messageOf(reason),
      );
      return undefined;
    }
  }

  async #failed(task: string, why: string, attempt: number, reason: string): Promise<void> {
    this.counts.failed++;
    const result = reason.replace(/\s*\n\s*/g, ' ');
    await this.#report('failed', task, { why, attempt, result, ...this.#nextAttempt(task) });
  }

  #nextAttempt(task: string): { readonly nextAttempt: string } {
    return { nextAttempt: new Date(this.#attempts.nextAt(task) ?? this.#now()).toISOString() };
  }

  async #reportOnce(task: WatchedTask, event: TaskEvent['event'], why: string): Promise<void> {
    const text = `${event} ${revisionOf(task)} ${why}`;
    if (this.#reported.get(task.id) === text) return;
    this.#reported.set(task.id, text);
    await this.#report(event, task.id, { why });
  }

  async #report(
    event: TaskEvent['event'],
    task: string,
    details: Omit<TaskEvent, 'event' | 'kapacitor' | 'task'>,
  ): Promise<void> {
    await this.#options.report({ event, kapacitor: this.#options.api.url, task, ...details });
  }

  // ---- outages ----

  async #outage(reason: unknown): Promise<void> {
    if (this.#outageSince !== undefined) return;
    this.#outageSince = this.#now();
    const { url: kapacitor } = this.#options.api;
    await this.#options.report({ event: 'outage', kapacitor, why: messageOf(reason) });
  }

  async #available(): Promise<void> {
    if (this.#outageSince === undefined) return;
    const ms = this.#now() - this.#outageSince;
    this.#outageSince = undefined;
    // Kapacitor may have started its tasks anew.
    this.#sightings.clear();
    if (!this.#options.dryRun) this.#options.journal.setConnected(this.#options.api.url, new Map());
    this.#hurry();
    await this.#options.report({ event: 'outage-over', kapacitor: this.#options.api.url, ms });
  }

  // ---- memory ----

  #forget(ids: ReadonlySet<string>): void {
    this.#attempts.retain(ids);
    for (const map of [this.#sightings, this.#reported]) {
      for (const id of map.keys()) if (!ids.has(id)) map.delete(id);
    }
  }

  /** Also the tasks that were connected with their present revision, and are lost or stopped now. */
  #stillKnown(connected: ReadonlyMap<string, string>, tasks: readonly WatchedTask[]): Map<string, string> {
    const { api, journal } = this.#options;
    const known = new Map(connected);
    for (const task of tasks) {
      const revision = journal.connectedRevision(api.url, task.id);
      if (revision === revisionOf(task) && !known.has(task.id)) known.set(task.id, revision);
    }
    return known;
  }
}
