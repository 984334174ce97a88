import { influxServer, influxTarget } from '../influx/target.js';
import { kapacitorTarget, kapacitorWriteTarget } from '../kapacitor/target.js';
import { messageOf, UdfError } from '../model/errors.js';

/** An InfluxDB with its database or bucket. */
export function influxUrl(text: string): string {
  return checked(text, () => influxTarget(text, {}));
}

/** An InfluxDB 1.x without a database. */
export function influxServerUrl(text: string): string {
  return checked(text, () => influxServer(text));
}

export function kapacitorUrl(text: string): string {
  return checked(text, () => kapacitorTarget(text, {}));
}

/** A Kapacitor with the database and retention policy of what is written into it. */
export function kapacitorWriteUrl(text: string): string {
  return checked(text, () => kapacitorWriteTarget(text, {}));
}

/** The text unchanged. A usage error, and not commander's own, which would quote the text: it may hold a password. */
function checked(text: string, read: () => unknown): string {
  try {
    read();
  } catch (reason) {
    throw new UdfError('usage', messageOf(reason), { cause: reason });
  }
  return text;
}
