/** What Kapacitor's HTTP API takes and gives, as far as it is used here. Names are the API's own. */

export type TaskType = 'stream' | 'batch';

/** A database and one of its retention policies. */
export interface Dbrp {
  readonly db: string;
  readonly rp: string;
}

/** A variable of a TICKscript, set from outside it. */
export type TaskVar =
  | { readonly type: 'string' | 'lambda' | 'regex' | 'duration'; readonly value: string }
  | { readonly type: 'int' | 'float'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'star'; readonly value: '' }
  | { readonly type: 'list'; readonly value: readonly TaskVar[] };

export type TaskVars = Readonly<Record<string, TaskVar>>;

/** What a task can be made of, or changed to. */
export interface TaskSettings {
  readonly script?: string;
  /** Only for a script that does not tell by beginning with `stream` or `batch`. */
  readonly type?: TaskType;
  /** The template it is an instance of, in place of a script. */
  readonly 'template-id'?: string;
  /** The data it may read; not to be given if its script has a `dbrp` statement. */
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
  /** Why it stopped, if it failed. */
  readonly error: string;
  /** Missing, or without the parts, while it does not run. */
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

/** A recording or a replay: work that goes on after it was asked for. */
export interface Work {
  readonly id: string;
  readonly status: 'running' | 'finished' | 'failed';
  readonly progress: number;
  readonly error: string;
}

/** What to replay a recording with. */
export interface ReplaySettings {
  readonly task: string;
  readonly recording: string;
  /** Keep the times of the recording; else they are moved to the present. */
  readonly 'recording-time'?: boolean;
  readonly clock?: 'fast' | 'real';
}

/** A series of what an `httpOut` node holds: the last point, or the last batch, of each group. */
export interface Series {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns?: readonly string[];
  /** Missing in an empty batch. The columns are those of the first row's fields. */
  readonly values?: readonly (readonly (string | number | boolean | null)[])[] | null;
}

export interface Handler {
  readonly id: string;
  /** `log`, `post`, `slack`, … */
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly match?: string;
}

/** The state of one thing that an alert watches. */
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
