import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateFile, tlsArgs } from '../support/certificates.js';
import { freePort } from '../support/free-port.js';
import { KafkaCluster } from './support/kafka/cluster.js';
import { kafkaMissing, kafkaTitle } from './support/kafka/java.js';
import { countedInput, expectCounted } from './support/kafka/counted.js';
import { startWorker } from './support/kafka/worker.js';
import { until } from './support/until.js';

const user = 'udf';
const password = 'a password';
const credentials = { KAFKA_USERNAME: user, KAFKA_PASSWORD: password };
const authority = ['--tls-ca', certificateFile('authority.pem')];

/** A PEM file as one value of Kafka's properties. */
const pem = (name: string): string =>
  readFileSync(certificateFile(name), 'utf8').trim().replaceAll('\n', '\\n');

describe.skipIf(kafkaMissing !== undefined)(
  kafkaTitle('A UDF on a Kafka with TLS and SASL'),
  { timeout: 90_000 },
  () => {
    let broker: KafkaCluster;
    const ports = { SASL_SSL: 0, SSL: 0 };
    let number = 0;

    beforeAll(async () => {
      ports.SASL_SSL = await freePort();
      ports.SSL = await freePort();
      broker = await KafkaCluster.start({
        secured: {
          ports,
          settings: {
            'ssl.keystore.type': 'PEM',
            'ssl.keystore.certificate.chain': pem('host.pem'),
            'ssl.keystore.key': pem('host.key'),
            'ssl.truststore.type': 'PEM',
            'ssl.truststore.certificates': pem('authority.pem'),
            'listener.name.ssl.ssl.client.auth': 'required',
            'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
            'listener.name.sasl_ssl.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${user}="${password}";`,
            'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config':
              'org.apache.kafka.common.security.scram.ScramLoginModule required;',
            'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config':
              'org.apache.kafka.common.security.scram.ScramLoginModule required;',
          },
        },
        scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
          (mechanism) => `${mechanism}=[name=${user},password="${password}"]`,
        ),
      });
    }, 90_000);

    afterAll(async () => {
      await broker.stop();
    });

    /** A worker that reaches the broker at another port, with topics of its own. */
    async function setUp(protocol: 'SASL_SSL' | 'SSL', args: readonly string[], env: NodeJS.ProcessEnv = {}) {
      const id = ++number; // others are set up meanwhile
      const [from, to] = [`in${id}`, `out${id}`] as const;
      await broker.createTopics({ [from]: 2, [to]: 2 });
      await broker.produce(from, countedInput(1_000, 10, 2));
      const topics = ['--from', from, '--to', to, '--consumer-group', `group${id}`];
      const secured = ['--brokers', `127.0.0.1:${ports[protocol]}`, ...args];
      return {
        to,
        worker: startWorker(broker, 'counting', [...topics, ...secured], { env: { ...process.env, ...env } }),
      };
    }

    const ways = [
      { how: 'SASL PLAIN', protocol: 'SASL_SSL', args: [...authority, '--sasl', 'PLAIN'], env: credentials },
      {
        how: 'SCRAM-SHA-256',
        protocol: 'SASL_SSL',
        args: [...authority, '--sasl', 'SCRAM-SHA-256'],
        env: credentials,
      },
      {
        how: 'SCRAM-SHA-512',
        protocol: 'SASL_SSL',
        args: [...authority, '--sasl', 'SCRAM-SHA-512'],
        env: credentials,
      },
      { how: 'a client certificate', protocol: 'SSL', args: tlsArgs('proxy'), env: {} },
    ] as const;

    test(`signs in by ${ways.map(({ how }) => how).join(', ')}`, async () => {
      await Promise.all(
        ways.map(async ({ protocol, args, env }) => {
          const { to, worker } = await setUp(protocol, args, env);
          const values = await until(
            'all records are there',
            () => {
              const found = broker.consume(to);
              return found.length >= 1_000 && found;
            },
            { within: 60_000 },
          );
          expectCounted(values, 1_000, 10);
          expect(await worker.stop()).toMatchObject({ code: 0 });
        }),
      );
    });

    const refused = [
      {
        what: 'a wrong password',
        protocol: 'SASL_SSL',
        args: [...authority, '--sasl', 'SCRAM-SHA-512'],
        env: { ...credentials, KAFKA_PASSWORD: 'another one' },
        problem: /^cannot use the Kafka brokers: .*authentication failed/,
      },
      {
        what: 'an authority that is not trusted',
        protocol: 'SASL_SSL',
        args: ['--tls', '--sasl', 'PLAIN'],
        env: credentials,
        problem: /^cannot use the Kafka brokers: .*certificate/,
      },
      {
        what: 'a certificate of another authority',
        protocol: 'SSL',
        args: tlsArgs('stranger'),
        env: {},
        problem: /^cannot use the Kafka brokers: /,
      },
    ] as const;

    test(`ends with one line and exit code 1 for ${refused.map(({ what }) => what).join(', ')}`, async () => {
      await Promise.all(
        refused.map(async ({ protocol, args, env, problem }) => {
          const { worker } = await setUp(protocol, args, env);
          expect(await worker.ended).toMatchObject({ code: 1 });
          expect(worker.log.filter(({ level }) => level === 'error')).toEqual([
            expect.objectContaining({ code: 'connection', msg: expect.stringMatching(problem) as string }),
          ]);
          expect(worker.stderr).not.toContain(password);
        }),
      );
    });
  },
);
