import { readdirSync } from 'node:fs';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { run } from '../support/run-program.js';
import { pathOf, text, yaml } from './support/files.js';

interface Configuration {
  readonly udf: unknown;
  readonly http: Readonly<Record<string, unknown>>;
  readonly influxdb: readonly Readonly<Record<string, unknown>>[];
}

// The test of a file of our own: what is read of it is looked at below.
const conf = parse(text('docker/kapacitor.conf')) as unknown as Configuration;

describe('docker/kapacitor.conf', () => {
  it('names the UDFs as `kapacitor-udf config` prints them', async () => {
    const { stdout } = await run('config');
    expect(conf.udf).toEqual(parse(stdout).udf);
  });

  it('knows every UDF that the TICKscripts use', () => {
    const scripts = readdirSync(pathOf('tickscripts'), { recursive: true, encoding: 'utf8' });
    const used = scripts
      .filter((name) => name.endsWith('.tick'))
      .flatMap((name) => [...text(`tickscripts/${name}`).matchAll(/^\s*@(\w+)\(/gm)].map(([, udf]) => udf));
    expect(conf.udf).toMatchObject({
      functions: Object.fromEntries(used.map((udf) => [udf, expect.anything()])) as unknown,
    });
    expect(used.length).toBeGreaterThan(6);
  });

  it('reaches InfluxDB by the name of its service, and has no credentials in it', () => {
    const { services } = yaml('docker/compose.yaml') as { readonly services: object };
    const [influxdb] = conf.influxdb;
    const { hostname } = new URL(String((influxdb!.urls as string[])[0]));
    expect(services).toHaveProperty(hostname);
    expect(influxdb).not.toHaveProperty('password');
    expect(influxdb).not.toHaveProperty('username');
  });
});
