import type { InfluxServer } from '../influx/scratch-database.js';
import type { KapacitorApi } from '../kapacitor/api.js';

/** How to run a case. */
export interface CaseOptions {
  readonly api: KapacitorApi;
  /** The InfluxDB that Kapacitor queries; needed for batch tasks only. */
  readonly influx?: InfluxServer | undefined;
  /** A case has settled when the task's statistics have not changed for this long. */
  readonly settleMs: number;
  readonly caseTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Called with a message for each thing that could not be removed after a case, with how to do so by hand. */
  readonly onLeftover: (message: string) => void;
}
