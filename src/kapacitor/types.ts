/** The parts of Kapacitor's HTTP API that are used here, by the API's own names. Integers beyond 2^53 are `bigint`. */

export type TaskType = 'stream' | 'batch';

/** A database and one of its retention policies. */
export interface Dbrp {
  readonly db: string;
  readonly rp: string;
}

/** A variable of a TICKscript, set from outside it. */
export type TaskVar =
  | { readonly type: 'string' | 'lambda' | 'regex' | 'duration'; readonly value: string }
  | { readonly type: 'int' | 'float'; readonly value: number | bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'star'; readonly value: '' }
  | { readonly type: 'list'; readonly value: readonly TaskVar[] };

export type TaskVars = Readonly<Record<string, TaskVar>>;

/** The settings to create a task with, or to change. */
export interface TaskSettings {
  readonly script?: string;
  /** Needed only if the script does not begin with `stream` or `batch`. */
  readonly type?: TaskType;
  /** The template to make it from, in place of a script. */
  readonly 'template-id'?: string;
  /** The databases it reads. Kapacitor refuses them if the script has a `dbrp` statement. */
  readonly dbrps?: readonly Dbrp[];
  readonly vars?: TaskVars;
  readonly status?: 'enabled' | 'disabled';
}

export interface TaskStats {
  readonly 'task-stats'?: { readonly throughput?: number } | null;
  readonly 'node-stats'?: Readonly<Record<string, Readonly<Record<string, number>>>> | null;
}

export interface Task {
  readonly id: string;
  readonly type: TaskType;
  readonly 'template-id': string;
  readonly dbrps: readonly Dbrp[];
  readonly script: string;
  readonly dot: string;
  readonly status: 'enabled' | 'disabled';
  readonly executing: boolean;
  /** RFC 3339; year 1 if it was never enabled. */
  readonly 'last-enabled'?: string;
  /** RFC 3339. */
  readonly modified?: string;
  /** Why it stopped, if it failed. */
  readonly error: string;
  /** Absent, or without its parts, unless the task runs. */
  readonly stats: TaskStats | null;
  readonly vars: TaskVars;
}

export interface Template {
  readonly id: string;
  readonly type: TaskType;
  readonly script: string;
  readonly error: string;
  readonly vars: TaskVars;
}

/** State of a recording or a replay, which Kapacitor carries out in the background. */
export interface JobStatus {
  readonly id: string;
  readonly status: 'running' | 'finished' | 'failed';
  readonly progress: number;
  readonly error: string;
}

/** How to replay a recording. */
export interface ReplaySettings {
  readonly task: string;
  readonly recording: string;
  /** Keep the recording's times; otherwise they are shifted to the present. */
  readonly 'recording-time'?: boolean;
  readonly clock?: 'fast' | 'real';
}

/** A group's last point, or last batch, in an `httpOut` node. */
export interface OutputSeries {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns?: readonly string[];
  /** Absent for an empty batch. The columns are those of the first row. */
  readonly values?: readonly (readonly (string | number | bigint | boolean | null)[])[] | null;
}

export interface Handler {
  readonly id: string;
  /** `log`, `post`, `slack`, … */
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly match?: string;
}

/** The last alert event of an id. */
export interface TopicEvent {
  readonly id: string;
  readonly state: {
    readonly level: 'OK' | 'INFO' | 'WARNING' | 'CRITICAL';
    readonly message: string;
    readonly details: string;
    readonly time: string;
    readonly duration: string;
  };
}
