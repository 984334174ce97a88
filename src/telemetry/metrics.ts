import { promisify } from 'node:util';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { metricSpecs, type MetricsSource, scrapeOf, type Value } from './metric-specs.js';

/** Max time that the text is made before yielding to the event loop. */
const maxSliceMs = 5;

const yieldToEventLoop = promisify(setImmediate);

/** The metrics of one host and its process. */
export interface Metrics {
  readonly contentType: string;
  /** Prometheus' text format. */
  text(): Promise<string>;
}

/**
 * Creates the metrics of a host, with those of the process that prom-client knows: memory, CPU time, garbage collection,
 * event-loop lag. The registry is its own, so that a process can have several hosts.
 *
 * Each use of a UDF is a series, labelled with UDF, task and node; `HostStats` bounds their number.
 */
export function createMetrics(read: () => MetricsSource): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  let scrape = scrapeOf(read());
  for (const { name, help, type, values } of metricSpecs) {
    const config = { name: `kapacitor_udf_${name}`, help, registers: [registry] };
    const readValues = (): readonly Value[] => values(scrape);
    if (type === 'counter') new ReadCounter(config, readValues);
    else if (type === 'gauge') new ReadGauge(config, readValues);
    else new ReadHistogram(config, readValues);
  }
  return {
    contentType: registry.contentType,
    async text() {
      scrape = scrapeOf(read());
      // As registry.metrics() does, which would not let keepalives be answered in between.
      const texts: string[] = [];
      let pauseAt = performance.now() + maxSliceMs;
      for (const { name } of registry.getMetricsAsArray()) {
        texts.push(await registry.getSingleMetricAsString(name));
        if (performance.now() < pauseAt) continue;
        await yieldToEventLoop();
        pauseAt = performance.now() + maxSliceMs;
      }
      return `${texts.join('\n\n')}\n`;
    },
  };
}

// ---- prom-client's classes, with values that are read instead of set ----

declare module 'prom-client' {
  interface Histogram<T extends string> {
    /** Missing in prom-client's types; the registry calls it for text. */
    getForPromString(): ReturnType<Histogram<T>['get']>;
  }
}

interface MetricConfig {
  readonly name: string;
  readonly help: string;
  readonly registers: Registry[];
}

type ReadValues = () => readonly Value[];

class ReadCounter extends Counter {
  readonly #read: ReadValues;

  constructor(config: MetricConfig, read: ReadValues) {
    super(config);
    this.#read = read;
  }

  override async get(): ReturnType<Counter['get']> {
    return { ...(await super.get()), values: [...this.#read()] };
  }
}

class ReadGauge extends Gauge {
  readonly #read: ReadValues;

  constructor(config: MetricConfig, read: ReadValues) {
    super(config);
    this.#read = read;
  }

  override async get(): ReturnType<Gauge['get']> {
    return { ...(await super.get()), values: [...this.#read()] };
  }
}

class ReadHistogram extends Histogram {
  readonly #read: ReadValues;

  constructor(config: MetricConfig, read: ReadValues) {
    super(config);
    this.#read = read;
  }

  /** Also what `get` is made from. */
  override async getForPromString(): ReturnType<Histogram['get']> {
    const metric = await super.getForPromString();
    const values = this.#read().map(({ suffix = '', ...value }) => ({
      ...value,
      metricName: `${metric.name}${suffix}`,
    }));
    return { ...metric, values };
  }
}
