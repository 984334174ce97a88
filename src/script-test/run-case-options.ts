import type { KapacitorApi } from '../kapacitor/api.js';

export interface CaseOptions {
  readonly api: KapacitorApi;
  /** The InfluxDB that Kapacitor queries. */
  readonly influx: string | undefined;
  /** For how long nothing may have happened before a case counts as over. */
  readonly settleMs: number;
  /** How long a case may take. */
  readonly withinMs: number;
  readonly signal: AbortSignal;
}
