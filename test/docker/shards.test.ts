import { parse as parseToml } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { text, yaml, yamlDocuments } from './support/files.js';

interface Output {
  readonly alias: string;
  readonly urls: readonly string[];
  readonly database: string;
  readonly tagpass?: { readonly host: readonly string[] };
  readonly tagdrop?: { readonly host: readonly string[] };
}

interface Service {
  readonly extends?: { readonly file: string; readonly service: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: object;
  readonly command?: readonly string[];
}

const { outputs } = parseToml(text('docker/telegraf/shards.conf')) as unknown as {
  readonly outputs: { readonly influxdb: readonly Output[] };
};
const [first, second, store] = outputs.influxdb;

describe('docker/telegraf/shards.conf', () => {
  it('sends each point to just one Kapacitor, by a rule and its opposite', () => {
    expect(first!.tagpass).toEqual(second!.tagdrop);
    expect(first!.tagdrop).toBeUndefined();
    expect(second!.tagpass).toBeUndefined();
    expect([first!.database, second!.database]).toEqual(['telegraf', 'telegraf']);
  });

  it('sends all points to InfluxDB', () => {
    expect(store).not.toHaveProperty('tagpass');
    expect(store).not.toHaveProperty('tagdrop');
  });
});

describe('docker/shards.yaml', () => {
  const base = yaml('docker/compose.yaml') as { readonly services: Readonly<Record<string, Service>> };
  const { services, volumes } = yaml('docker/shards.yaml') as {
    readonly services: Readonly<Record<string, Service>>;
    readonly volumes: object;
  };

  it('extends services that there are, and needs services that there are', () => {
    for (const service of Object.values(services)) {
      if (service.extends) expect(base.services).toHaveProperty(service.extends.service);
      for (const name of Object.keys(service.depends_on ?? {})) {
        expect({ ...base.services, ...services }).toHaveProperty(name);
      }
    }
  });

  it('gives each Kapacitor a host of its own: the sockets of one are in a volume of these two alone', () => {
    const socketsOf = (name: string): unknown =>
      services[name]!.volumes!.find((mount) => mount.endsWith(':/var/run/kapacitor-udf'));
    expect(socketsOf('udf-1')).toBe(socketsOf('kapacitor-1'));
    expect(volumes).toHaveProperty('sockets-1');
    expect(base.services.kapacitor!.volumes).not.toContain(socketsOf('udf-1'));
  });

  it('lets no Kapacitor subscribe, and Telegraf reach both', () => {
    for (const name of ['kapacitor', 'kapacitor-1']) {
      expect(services[name]!.environment).toMatchObject({
        KAPACITOR_INFLUXDB_0_DISABLE_SUBSCRIPTIONS: 'true',
      });
    }
    expect(services.shards!.environment).toEqual({
      SHARD_0: 'http://kapacitor:9092',
      SHARD_1: 'http://kapacitor-1:9092',
    });
  });

  it('defines the tasks in both', () => {
    expect(base.services.tasks!.command).toContain('--url=http://kapacitor:9092');
    expect(services['tasks-1']!.command).toContain('--url=http://kapacitor-1:9092');
  });
});

describe('docker/kubernetes/shards.yaml', () => {
  const [service, deployment] = yamlDocuments('docker/kubernetes/shards.yaml') as [
    {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly selector: object; readonly ports: readonly { readonly port: number }[] };
    },
    {
      readonly spec: {
        readonly replicas: number;
        readonly selector: { readonly matchLabels: object };
        readonly template: {
          readonly metadata: { readonly labels: object };
          readonly spec: {
            readonly containers: readonly {
              readonly env: readonly { readonly name: string; readonly value?: string }[];
              readonly ports: readonly { readonly containerPort: number }[];
              readonly command: readonly string[];
            }[];
          };
        };
      };
    },
  ];
  const { template, selector } = deployment.spec;
  const [telegraf] = template.spec.containers;

  it('reaches the pod of Telegraf, at the port that it listens on', () => {
    expect(service.spec.selector).toEqual(template.metadata.labels);
    expect(selector.matchLabels).toEqual(template.metadata.labels);
    expect(telegraf!.ports[0]!.containerPort).toBe(service.spec.ports[0]!.port);
    expect(text('docker/telegraf/shards.conf')).toContain(
      `service_address = ":${service.spec.ports[0]!.port}"`,
    );
  });

  it('names a pod of the stateful set for each shard', () => {
    const shards = telegraf!.env.filter(({ name }) => name.startsWith('SHARD_')).map(({ value }) => value);
    const [kapacitor] = yamlDocuments('docker/kubernetes/kapacitor.yaml') as [
      { readonly metadata: { readonly name: string } },
    ];
    const { name } = kapacitor.metadata;
    expect(shards).toEqual([0, 1].map((index) => `http://${name}-${index}.${name}:9092`));
  });
});
