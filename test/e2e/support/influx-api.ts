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

/** InfluxDB 1.x over HTTP. Each call rejects with what the server says is wrong. */
export class InfluxApi {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async ping(): Promise<string> {
    const response = await fetch(`${this.url}/ping`, { signal: AbortSignal.timeout(2_000) });
    return response.headers.get('x-influxdb-version') ?? '';
  }

  /** Writes line protocol with times in nanoseconds. */
  async write(database: string, lines: string): Promise<void> {
    const response = await fetch(`${this.url}/write?${new URLSearchParams({ db: database }).toString()}`, {
      method: 'POST',
      body: lines,
    });
    if (!response.ok) throw new Error(`InfluxDB refused the write: ${await response.text()}`);
  }

  /** All rows of an InfluxQL query, series after series; a statement can name its database itself. Times are texts in RFC 3339. */
  async query(statement: string, database = ''): Promise<InfluxRow[]> {
    const response = await fetch(`${this.url}/query`, {
      method: 'POST',
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
