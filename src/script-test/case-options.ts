import type { InfluxServer } from '../influx/scratch-database.js';
import type { KapacitorApi } from '../kapacitor/api.js';

/** How to run a case. */
export interface CaseOptions {
  readonly api: KapacitorApi;
  /** The InfluxDB that Kapacitor queries; needed for batch tasks only. */
  readonly influx?: InfluxServer | undefined;
  /** A case is over when the task's statistics have not changed for this long. */
  readonly settleMs: number;
  readonly caseTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Called with what could not be removed after a case, and how to do so by hand. */
  readonly onLeftover: (message: string) => void;
}
