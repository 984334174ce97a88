import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../support/run-program.js';
import { pathOf, text, yaml } from './support/files.js';

interface Service {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly group_add?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, { readonly driver_opts?: { readonly o: string } } | null>>;
}

const source = text('docker/compose.yaml');
// The test of a file of our own: what is read of it is looked at below.
const { services, volumes } = yaml('docker/compose.yaml') as Compose;
const all = Object.entries(services);
/** The services that run this package's image. */
const own = ['udf', 'tasks', 'demo', 'predictions', 'meters', 'building'];

/** The variables that compose.yaml takes from outside, with their defaults. */
const variables = new Map(
  [...source.matchAll(/\$\{(\w+)(?::-([^}]*))?/g)].map(([, name = '', fallback]) => [name, fallback ?? '']),
);

describe('docker/compose.yaml', () => {
  it('mounts only what is there', () => {
    const mounts = all.flatMap(([, { volumes: list = [] }]) => list.map((mount) => mount.split(':')[0]!));
    for (const mount of mounts) {
      if (mount.startsWith('.')) expect(existsSync(join(pathOf('docker'), mount)), mount).toBe(true);
      else expect(volumes).toHaveProperty(mount);
    }
    expect(mounts.length).toBeGreaterThan(8);
  });

  it('takes from outside what .env.example names, with the defaults that stand there', () => {
    const example = [...text('docker/.env.example').matchAll(/^#(\w+)=(.*)$/gm)];
    const documented = new Map(example.map(([, name = '', value = '']) => [name, value]));
    // These two are the Dockerfile's own arguments.
    const dockerfile = text('docker/Dockerfile');
    expect(dockerfile).toContain(`ARG NODE_IMAGE=${documented.get('NODE_IMAGE')}\n`);
    expect(dockerfile).toContain('ARG BUILD_IMAGE=${NODE_IMAGE}\n');
    expect(documented.get('BUILD_IMAGE')).toBe(documented.get('NODE_IMAGE'));
    documented.delete('NODE_IMAGE');
    documented.delete('BUILD_IMAGE');
    expect([...variables].sort()).toEqual([...documented].sort());
  });

  it('gives its commands only options that they have', async () => {
    const lines = own.map((name) => services[name]!.command!);
    for (const line of [...lines, services.udf!.healthcheck!.test!.slice(2)]) {
      const words = line.filter((word) => /^[a-z]+$/.test(word));
      const { code, stdout } = await run(...words, '--help');
      expect(code).toBe(0);
      expect(stdout).toContain(`kapacitor-udf ${words.join(' ')} [options]`);
      for (const word of line) if (word.startsWith('--')) expect(stdout).toContain(`${word.split('=')[0]} `);
    }
  });

  it('has a profile that leads from made-up meters to totals, alerts, forecasts and predictions', () => {
    const profile = all.filter(([, { profiles = [] }]) => profiles.includes('meters'));
    expect(profile.map(([name]) => name)).toEqual(['predictions', 'meters', 'building']);
    const sources = profile.map(([, { command = [] }]) => command.join(' '));
    const written = (measurement: string) => (measurement === 'meter' ? '--demo=building' : '--demo=meters');
    for (const [task, measurement] of [
      ['tasks/meter-totals', 'meter'],
      ['tasks/load-forecast', 'meter'],
      ['tasks/voltage-alert', 'electricity'],
      ['tasks/meter-silence', 'electricity'],
      ['onnx/tasks/voltage-next-hour', 'electricity'],
    ] as const) {
      expect(text(`tickscripts/${task}.tick`)).toContain(`.measurement('${measurement}')`);
      expect(
        sources.some((command) => command.includes(written(measurement))),
        task,
      ).toBe(true);
    }
    expect(services.predictions!.command).toContain('/tickscripts/onnx');
    // Their past is written at once, so the tasks must be there before.
    expect(services.meters!.depends_on).toHaveProperty('predictions');
    expect(services.building!.depends_on).toHaveProperty('tasks');
  });

  it('hands points to Kapacitor in the order in which they were written', () => {
    expect(services.influxdb!.environment).toMatchObject({ INFLUXDB_SUBSCRIBER_WRITE_CONCURRENCY: '1' });
  });

  it('offers nothing beyond loopback unless asked', () => {
    const ports = all.flatMap(([, { ports: list = [] }]) => list);
    for (const port of ports) expect(port).toMatch(/^\$\{BIND_ADDRESS:-127\.0\.0\.1\}:/);
    expect(ports).toHaveLength(3);
  });

  it('has passwords from the environment only, and none on a command line', () => {
    const passwords = all.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => name.includes('PASSWORD')),
    );
    for (const [name, value] of passwords) expect(value, name).toMatch(/^\$\{\w+PASSWORD:-\}$/);
    expect(passwords.length).toBeGreaterThan(4);
    for (const [, { command = [], healthcheck }] of all) {
      expect([...command, ...(healthcheck?.test ?? [])].join(' ')).not.toMatch(/password|token|@/i);
    }
  });

  it('starts Kapacitor when the host is healthy, which is when every socket of the shared file answers', () => {
    expect(services.kapacitor!.depends_on!.udf).toMatchObject({
      condition: 'service_healthy',
      restart: true,
    });
    expect(services.udf!.healthcheck!.test!).toEqual([
      'CMD',
      'kapacitor-udf',
      'check',
      '--config=/etc/kapacitor/kapacitor.conf',
    ]);
    const conf = './kapacitor.conf:/etc/kapacitor/kapacitor.conf:ro';
    for (const name of ['kapacitor', 'udf']) expect(services[name]!.volumes).toContain(conf);
  });

  it('starts Kapacitor anew when its sockets are newer than it is, for its tasks ended with the host before', () => {
    const { command, healthcheck } = services.kapacitor!;
    expect(command!.join(' ')).toMatch(/touch (\S+) && exec kapacitord/);
    const [, marker] = /touch (\S+)/.exec(command!.join(' '))!;
    expect(healthcheck!.test!.join(' ')).toContain(
      `find /var/run/kapacitor-udf -type s -newer ${marker})" || kill 1;`,
    );
  });

  it('lets the host make the sockets, and its group reach them', () => {
    const [, uid, gid] = /^USER (\d+):(\d+)$/m.exec(text('docker/Dockerfile')) ?? [];
    expect(volumes.sockets!.driver_opts!.o.split(',')).toEqual([
      'size=1m',
      'mode=0750',
      `uid=${uid}`,
      `gid=${gid}`,
    ]);
    expect(services.kapacitor!.group_add).toEqual([gid]);
    for (const name of ['kapacitor', 'udf']) {
      expect(services[name]!.volumes).toContain('sockets:/var/run/kapacitor-udf');
    }
  });

  it('runs nothing of ours as root', () => {
    expect(text('docker/Dockerfile')).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(services.kapacitor!.user).toBe('kapacitor');
  });

  it('waits for every server by its health', () => {
    for (const [name, { depends_on = {} }] of all) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        expect(condition, `${name} needs ${needed}`).toMatch(/^service_(healthy|completed_successfully)$/);
        if (condition === 'service_healthy') expect(services[needed]).toHaveProperty('healthcheck');
      }
    }
  });

  it('uses no image without a tag of its own, but for the one that it builds', () => {
    for (const [name, { image }] of all) {
      const [, fallback = ''] = /^\$\{\w+_IMAGE:-(.*)\}$/.exec(image) ?? [];
      if (fallback === 'kapacitor-udf') expect(own).toContain(name);
      else expect(fallback, name).toMatch(/:\d+\.\d+/);
    }
  });
});
