/** A row of a query's result: the columns by name, and the tags that it was grouped by. */
export type InfluxRow = Readonly<Record<string, string | number | boolean | null>>;

interface QueryAnswer {
  readonly error?: string;
  readonly results?: readonly {
    readonly error?: string;
    readonly series?: readonly {
      readonly columns: readonly string[];
      readonly tags?: Readonly<Record<string, string>>;
      readonly values: readonly (readonly (string | number | boolean | null)[])[];
    }[];
  }[];
}

/** The credentials of an InfluxDB 2.x that was set up for a test. */
export interface InfluxOrg {
  readonly org: string;
  readonly orgId: string;
  readonly token: string;
}

/**
 * InfluxDB over HTTP: 1.x, or 2.x through what it has for clients of 1.x, where a bucket is mapped to each database. Each call
 * rejects with what the server says is wrong.
 */
export class InfluxApi {
  readonly url: string;
  /** Of an InfluxDB 2.x. */
  readonly org: InfluxOrg | undefined;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, org?: InfluxOrg) {
    this.url = url;
    this.org = org;
    this.#headers = org ? { authorization: `Token ${org.token}` } : {};
  }

  /** The URL of a database for this package's own commands, which find the token of 2.x in their environment. */
  target(database: string): string {
    const { org } = this;
    return `${this.url}?${org ? `org=${org.org}&bucket=${database}` : `db=${database}`}`;
  }

  /** Makes a database; of 2.x a bucket of that name, which is the database's retention policy `autogen`. */
  async createDatabase(name: string): Promise<void> {
    if (!this.org) {
      await this.query(`CREATE DATABASE "${name}"`);
      return;
    }
    const { orgId } = this.org;
    const bucket = await this.#post('/api/v2/buckets', { orgID: orgId, name, retentionRules: [] });
    const mapping = { database: name, retention_policy: 'autogen', default: true };
    await this.#post('/api/v2/dbrps', { orgID: orgId, bucketID: (bucket as { id: string }).id, ...mapping }); // as 2.x answers
  }

  async #post(path: string, body: object): Promise<unknown> {
    const response = await fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: this.#headers,
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`InfluxDB refused ${path}: ${await response.text()}`);
    return response.json();
  }

  async ping(): Promise<string> {
    const response = await fetch(`${this.url}/ping`, { signal: AbortSignal.timeout(2_000) });
    return response.headers.get('x-influxdb-version') ?? '';
  }

  /** Writes line protocol with times in nanoseconds. */
  async write(database: string, lines: string): Promise<void> {
    const response = await fetch(`${this.url}/write?${new URLSearchParams({ db: database }).toString()}`, {
      method: 'POST',
      headers: this.#headers,
      body: lines,
    });
    if (!response.ok) throw new Error(`InfluxDB refused the write: ${await response.text()}`);
  }

  /** All rows of an InfluxQL query, series after series; a statement can name its database itself. Times are texts in RFC 3339. */
  async query(statement: string, database = ''): Promise<InfluxRow[]> {
    const response = await fetch(`${this.url}/query`, {
      method: 'POST',
      headers: this.#headers,
      body: new URLSearchParams({ q: statement, db: database }),
    });
    // What an InfluxDB sends, and these tests check what they read of it.
    const answer = (await response.json()) as QueryAnswer;
    const error = answer.error ?? answer.results?.find((result) => result.error !== undefined)?.error;
    if (error !== undefined) throw new Error(`InfluxDB refused "${statement}": ${error}`);
    const series = (answer.results ?? []).flatMap((result) => result.series ?? []);
    return series.flatMap(({ columns, tags, values }) =>
      values.map((row) => ({
        ...Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null])),
        ...tags,
      })),
    );
  }
}
