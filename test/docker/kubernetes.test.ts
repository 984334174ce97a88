import { describe, expect, it } from 'vitest';
import { yaml, yamlDocuments } from './support/files.js';

interface Probe {
  readonly exec?: { readonly command: readonly string[] };
  readonly httpGet?: { readonly path: string; readonly port: string };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe: Probe;
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface StatefulSet {
  readonly kind: string;
  readonly spec: {
    readonly serviceName: string;
    readonly template: {
      readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
      readonly spec: {
        readonly securityContext: { readonly runAsNonRoot: boolean };
        readonly initContainers: readonly Container[];
        readonly containers: readonly Container[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
  };
}

const [service, set] = yamlDocuments('docker/kubernetes/kapacitor.yaml') as [
  { readonly kind: string; readonly metadata: { readonly name: string } },
  StatefulSet,
];
const pod = set.spec.template.spec;
const [host] = pod.initContainers as [Container];
const [kapacitor] = pod.containers as [Container];
const conf = '--config=/etc/kapacitor/kapacitor.conf';

describe('docker/kubernetes/kapacitor.yaml', () => {
  it('has a pod of Kapacitor and the host, with the sockets in an emptyDir that both mount', () => {
    expect([service.kind, set.kind]).toEqual(['Service', 'StatefulSet']);
    expect(set.spec.serviceName).toBe(service.metadata.name);
    expect(pod.volumes).toContainEqual(
      expect.objectContaining({ name: 'sockets', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }),
    );
    for (const { volumeMounts } of [host, kapacitor]) {
      expect(volumeMounts).toContainEqual({ name: 'sockets', mountPath: '/var/run/kapacitor-udf' });
    }
  });

  it('mounts only volumes that it has', () => {
    const volumes = pod.volumes.map(({ name }) => name);
    const claims = set.spec.volumeClaimTemplates.map(({ metadata }) => metadata.name);
    for (const { name } of [...host.volumeMounts, ...kapacitor.volumeMounts]) {
      expect([...volumes, ...claims]).toContain(name);
    }
  });

  it('starts Kapacitor once every socket listens', () => {
    expect(host.restartPolicy).toBe('Always');
    expect(host.args).toContain(conf);
    for (const { httpGet } of [host.startupProbe!, host.livenessProbe]) {
      expect(httpGet).toEqual({ path: '/readyz', port: 'metrics' });
    }
  });

  it('has the metrics where its probes and Prometheus look for them', () => {
    const [{ name, containerPort }] = host.ports as [Container['ports'][number]];
    expect(name).toBe('metrics');
    expect(host.args).toContain(`--http=0.0.0.0:${containerPort}`);
    const { annotations } = set.spec.template.metadata;
    expect(annotations).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': String(containerPort),
      'prometheus.io/path': '/metrics',
    });
  });

  it('has the command, the check and the image of Kapacitor that compose.yaml has', () => {
    const { services } = yaml('docker/compose.yaml') as {
      readonly services: {
        readonly kapacitor: {
          readonly image: string;
          readonly command: readonly string[];
          readonly healthcheck: { readonly test: readonly string[] };
        };
      };
    };
    const composed = services.kapacitor;
    expect(kapacitor.command).toEqual(composed.command);
    expect(composed.image).toContain(`:-${kapacitor.image}}`);
    const [, , check = ''] = kapacitor.livenessProbe.exec!.command;
    expect(composed.healthcheck.test.join(' ').replaceAll('$$', '$')).toContain(check);
  });

  it('runs nothing as root, and gives no rights', () => {
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    for (const { securityContext } of [host, kapacitor]) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('has no password in it', () => {
    for (const { env } of [host, kapacitor]) {
      for (const { name, value } of env) if (name.includes('PASSWORD')) expect(value).toBeUndefined();
    }
  });
});
