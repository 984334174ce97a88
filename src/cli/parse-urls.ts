import { messageOf, UdfError } from '../model/errors.js';
import { kapacitorTarget } from '../kapacitor/target.js';
import { parseServerUrl } from '../http/server-access.js';
import { influxTarget } from '../influx/target.js';

/** An InfluxDB with its database or bucket. */
export function influxUrl(text: string): string {
  return checked(text, () => influxTarget(text, {}));
}

/** An InfluxDB 1.x, whatever its databases. */
export function influxServerUrl(text: string): string {
  const kind = {
    what: 'an InfluxDB',
    example: 'http://localhost:8086',
    credentials: 'INFLUX_USERNAME and INFLUX_PASSWORD',
  };
  return checked(text, () => parseServerUrl(text, kind));
}

export function kapacitorUrl(text: string): string {
  return checked(text, () => kapacitorTarget(text, {}));
}

/** The text as it is. What is wrong with it is said without quoting it, since it may hold a password. */
function checked(text: string, read: () => unknown): string {
  try {
    read();
  } catch (reason) {
    throw new UdfError('usage', messageOf(reason));
  }
  return text;
}
