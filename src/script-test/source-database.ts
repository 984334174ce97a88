import { messageOf, UdfError } from '../model/errors.js';
import { influxTarget } from '../influx/target.js';

/** A database of InfluxDB 1.x that a case's queries read, and that is there for the case only. */
export class SourceDatabase {
  readonly #url: string;
  readonly #authorization: string | undefined;
  readonly #name: string;
  readonly #rp: string;
  #isThere = true;

  /** Throws `invalid_config` as `influxTarget` does. */
  constructor(url: string, name: string, rp: string) {
    const separator = url.includes('?') ? '&' : '?';
    const target = influxTarget(`${url}${separator}db=${encodeURIComponent(name)}`, process.env);
    this.#url = target.url;
    this.#authorization = target.authorization;
    this.#name = name;
    this.#rp = rp;
  }

  /** Makes it with these lines in it. Rejects with what InfluxDB says. */
  async create(lines: string): Promise<void> {
    try {
      await this.#query(`CREATE DATABASE "${this.#name}"`);
    } catch (reason) {
      this.#isThere = false;
      throw reason;
    }
    if (this.#rp !== 'autogen') {
      await this.#query(
        `CREATE RETENTION POLICY "${this.#rp}" ON "${this.#name}" DURATION INF REPLICATION 1`,
      );
    }
    const place = new URLSearchParams({ db: this.#name, rp: this.#rp });
    await this.#send(`/write?${place.toString()}`, lines);
  }

  /** Well if there is none. */
  async drop(): Promise<void> {
    if (this.#isThere) await this.#query(`DROP DATABASE "${this.#name}"`);
  }

  async #query(statement: string): Promise<void> {
    await this.#send('/query', new URLSearchParams({ q: statement }));
  }

  async #send(path: string, body: string | URLSearchParams): Promise<void> {
    const headers = this.#authorization === undefined ? {} : { authorization: this.#authorization };
    let response: Response;
    try {
      const signal = AbortSignal.timeout(10_000);
      response = await fetch(this.#url + path, { method: 'POST', headers, body, signal });
    } catch (cause) {
      const why = messageOf(cause instanceof Error && cause.cause ? cause.cause : cause);
      throw new UdfError('connection', `no answer from InfluxDB at ${this.#url}: ${why}`, { cause });
    }
    const text = await response.text();
    if (!response.ok || text.includes('"error"')) {
      throw new UdfError('refused', `InfluxDB at ${this.#url} refused ${path}: ${text.trim()}`);
    }
  }
}
