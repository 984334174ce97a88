import { messageOf, UdfError } from '../model/errors.js';
import { basicAuthorization, type Environment } from '../http/credentials.js';
import { readText } from '../http/read-text.js';
import { influxServer } from './target.js';

/** An InfluxDB 1.x server. */
export interface InfluxServer {
  readonly url: string;
  /** The `Authorization` header, if any. Never logged. */
  readonly authorization?: string | undefined;
}

const maxAnswerBytes = 1024 * 1024;
const requestTimeoutMs = 10_000;

/**
 * Reads the URL of an InfluxDB 1.x, and its credentials from `INFLUX_USERNAME` and `INFLUX_PASSWORD`, or the files that
 * `INFLUX_USERNAME_FILE` and `INFLUX_PASSWORD_FILE` name. Throws `invalid_config` as `influxTarget` does.
 */
export function readInfluxServer(url: string, environment: Environment): InfluxServer {
  return { url: influxServer(url), authorization: basicAuthorization('INFLUX', environment) };
}

/**
 * A temporary database of InfluxDB 1.x.
 *
 * Methods reject with `connection` if InfluxDB is unreachable, and `refused` with its message, or if it is not version 1.
 */
export class ScratchDatabase {
  readonly #server: InfluxServer;
  readonly #name: string;
  readonly #retentionPolicy: string;
  #exists = false;

  constructor(server: InfluxServer, name: string, retentionPolicy: string) {
    this.#server = server;
    this.#name = name;
    this.#retentionPolicy = retentionPolicy;
  }

  /** Creates the database and writes line protocol to it. */
  async create(lines: string): Promise<void> {
    await this.#checkVersion();
    await this.#query(`CREATE DATABASE "${this.#name}"`);
    this.#exists = true;
    const rp = this.#retentionPolicy;
    if (rp !== 'autogen') {
      await this.#query(`CREATE RETENTION POLICY "${rp}" ON "${this.#name}" DURATION INF REPLICATION 1`);
    }
    await this.#post(`/write?${new URLSearchParams({ db: this.#name, rp }).toString()}`, lines);
  }

  /** Drops the database. No-op if it was not created. */
  async drop(): Promise<void> {
    if (this.#exists) await this.#query(`DROP DATABASE "${this.#name}"`);
  }

  async #checkVersion(): Promise<void> {
    const { headers } = await this.#request('/ping', { method: 'GET' });
    const version = headers.get('x-influxdb-version')?.replace(/^v/, '');
    if (version === undefined || version === '' || !/^[2-9]\./.test(version)) return; // some 1.x builds send no version
    throw new UdfError(
      'refused',
      `InfluxDB at ${this.#server.url} is version ${version}: a case of a batch task creates and drops a database, ` +
        'which takes an InfluxDB 1.x that Kapacitor queries as well',
    );
  }

  async #query(statement: string): Promise<void> {
    await this.#post('/query', new URLSearchParams({ q: statement }));
  }

  async #post(path: string, body: string | URLSearchParams): Promise<void> {
    const response = await this.#request(path, { method: 'POST', body });
    const { text } = await readText(response, maxAnswerBytes);
    if (response.ok && !text.includes('"error"')) return;
    const hint =
      response.status === 401 ? `; give INFLUX_USERNAME and INFLUX_PASSWORD in the environment` : '';
    throw new UdfError('refused', `InfluxDB at ${this.#server.url} refused ${path}: ${text.trim()}${hint}`);
  }

  async #request(path: string, init: RequestInit): Promise<Response> {
    const { url, authorization } = this.#server;
    try {
      return await fetch(url + path, {
        ...init,
        headers: authorization === undefined ? {} : { authorization },
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
    } catch (cause) {
      const reason = messageOf(cause instanceof Error && cause.cause ? cause.cause : cause);
      throw new UdfError('connection', `no answer from InfluxDB at ${url}: ${reason}`, { cause });
    }
  }
}
