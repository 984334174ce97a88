import { Option } from 'commander';
import { influxServer, influxTarget } from '../influx/target.js';
import { isKairosUrl, kairosTarget } from '../kairos/target.js';
import { kapacitorTarget, kapacitorWriteTarget } from '../kapacitor/target.js';
import { messageOf, UdfError } from '../model/errors.js';

/** An InfluxDB with a database or bucket. Credentials come from the environment: other users of the machine can read command lines. */
export function influxUrlOption(flag: string, doc: string): Option {
  return new Option(
    `${flag} <url>`,
    `${doc}: http://HOST:8086?db=NAME (1.x) or ?org=NAME&bucket=NAME (2.x); credentials come from INFLUX_TOKEN, or ` +
      'INFLUX_USERNAME and INFLUX_PASSWORD, or files named by INFLUX_TOKEN_FILE or INFLUX_PASSWORD_FILE',
  ).argParser(influxUrl);
}

/** Where `feed` writes to: an InfluxDB with a database or bucket, or a KairosDB. */
export function feedUrlOption(): Option {
  return new Option(
    '--url <url>',
    'an InfluxDB, http://HOST:8086?db=NAME (1.x) or ?org=NAME&bucket=NAME (2.x), or a KairosDB, ' +
      'kairosdb+http://HOST:8080[?tag=NAME=VALUE][&precision=ms]: tag is for points without one of that name, precision=ms rounds ' +
      'finer times down, which are refused otherwise. Credentials come from INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD, ' +
      'or KAIROSDB_USERNAME and KAIROSDB_PASSWORD, or files named by INFLUX_TOKEN_FILE, INFLUX_PASSWORD_FILE or KAIROSDB_PASSWORD_FILE',
  ).argParser(feedUrl);
}

/** A Kapacitor. */
export function kapacitorUrlOption(flag = '--url'): Option {
  return new Option(
    `${flag} <url>`,
    "Kapacitor's URL; credentials come from KAPACITOR_USERNAME and KAPACITOR_PASSWORD or files that ..._FILE name " +
      '(default: KAPACITOR_URL, else http://localhost:9092)',
  ).argParser(kapacitorUrl);
}

/** Kapacitors; may be repeated. */
export function kapacitorUrlsOption(flag: string, doc: string): Option {
  return new Option(
    `${flag} <url>`,
    `${doc}; may be repeated; credentials come from KAPACITOR_USERNAME and KAPACITOR_PASSWORD or files that ..._FILE name`,
  ).argParser((text: string, before: readonly string[] | undefined) => [
    ...(before ?? []),
    kapacitorUrl(text),
  ]);
}

function feedUrl(text: string): string {
  return isKairosUrl(text) ? checked(text, () => kairosTarget(text, {})) : influxUrl(text);
}

function influxUrl(text: string): string {
  return checked(text, () => influxTarget(text, {}));
}

/** An InfluxDB 1.x without a database. */
export function influxServerUrl(text: string): string {
  return checked(text, () => influxServer(text));
}

function kapacitorUrl(text: string): string {
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
