import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { queriesOf } from './support/dashboard.js';
import { pathOf, text, yaml } from './support/files.js';
import { telemetryFields } from './support/telemetry-fields.js';

const folder = 'docker/grafana/dashboards';
const dashboards = readdirSync(pathOf(folder));
const queries = dashboards.flatMap((file) => queriesOf(`${folder}/${file}`));
const sources = yaml('docker/grafana/provisioning/datasources/influxdb.yaml') as {
  readonly datasources: readonly {
    readonly uid: string;
    readonly database: string;
    readonly jsonData: { readonly dbName: string };
    readonly secureJsonData: { readonly password: string };
  }[];
};

/** The TICKscripts that read or write a measurement. */
const scriptsWith = (measurement: string): string[] =>
  ['tickscripts/tasks', 'tickscripts/onnx/tasks']
    .flatMap((folder) => readdirSync(pathOf(folder)).map((file) => text(`${folder}/${file}`)))
    .filter((script) => new RegExp(`\\.measurement\\('${measurement}'\\)`).test(script));

describe('the dashboards', () => {
  it('are told apart by Grafana', () => {
    const parts = dashboards.map((file) => JSON.parse(text(`${folder}/${file}`)) as Record<string, unknown>);
    for (const key of ['uid', 'title'])
      expect(new Set(parts.map((part) => part[key])).size).toBe(parts.length);
    expect(parts.length).toBeGreaterThan(1);
  });

  it('ask data sources that are provisioned', () => {
    const known = sources.datasources.map(({ uid }) => uid);
    for (const { panel, source } of queries) expect(known, panel).toContain(source);
    expect(queries.length).toBeGreaterThan(15);
  });

  it('have data sources for the databases that InfluxDB is started with, and no password in their file', () => {
    const created = [...text('docker/influxdb/databases.iql').matchAll(/CREATE DATABASE "(\w+)"/g)];
    const names = created.map(([, name]) => name);
    expect(sources.datasources.map(({ database }) => database)).toEqual(names);
    for (const { database, jsonData, secureJsonData } of sources.datasources) {
      expect(jsonData.dbName).toBe(database);
      expect(secureJsonData.password).toBe('$INFLUXDB_PASSWORD');
    }
  });

  it('show fields of the runtime that its telemetry writes', async () => {
    const written = await telemetryFields();
    const shown = queries.filter(({ source }) => source === 'udf');
    for (const { panel, measurement, names } of shown) {
      expect([...written.keys()], panel).toContain(measurement);
      const tags = ['udf', 'host', ...(measurement === 'kapacitor_udf_use' ? ['task', 'node'] : [])];
      for (const name of names) expect([...written.get(measurement)!, ...tags], panel).toContain(name);
    }
    expect(new Set(shown.map(({ measurement }) => measurement))).toEqual(new Set(written.keys()));
  });

  it('show measurements and fields that the TICKscripts read and write', () => {
    const shown = queries.filter(({ source }) => source === 'telegraf');
    for (const { panel, measurement, names } of shown) {
      const scripts = scriptsWith(measurement);
      expect(scripts, `${panel}: ${measurement}`).not.toEqual([]);
      // A script's heading names its fields and tags, and its body those that a UDF adds.
      const words = new Set(scripts.join('\n').match(/\w+/g));
      for (const name of names) expect(words, `${panel}: ${measurement}.${name}`).toContain(name);
    }
    expect(shown.length).toBeGreaterThan(5);
  });

  it('are where Grafana looks, and opens that of the router', () => {
    const { providers } = yaml('docker/grafana/provisioning/dashboards/files.yaml') as {
      readonly providers: readonly { readonly options: { readonly path: string } }[];
    };
    const folder = providers[0]!.options.path;
    expect(text('docker/compose.yaml')).toContain(`./grafana/dashboards:${folder}:ro`);
    expect(text('docker/grafana/grafana.ini')).toContain(
      `default_home_dashboard_path = ${folder}/router.json`,
    );
  });
});
