import { isDeepStrictEqual } from 'node:util';
import { isLoopback } from '../host/http/address.js';
import { remoteUrl } from '../host/remote/address.js';
import { askHost, type HostAnswer, RefusedGreeting, type RemoteHost } from '../host/remote/dial.js';
import { formatDuration } from '../model/duration.js';
import { UdfError } from '../model/errors.js';
import type { Facts } from './facts.js';
import { type Finding, finder } from './finding.js';

const finding = finder('remote');

/** A certificate that ends sooner is to be renewed. */
const safeCertificateMs = 14 * 24 * 60 * 60 * 1000;

/** Checks the host that a proxy connects to: whether it answers, with TLS, and whether it has the UDFs of the sockets. */
export async function checkRemoteHost(facts: Facts, now: number = Date.now()): Promise<Finding[]> {
  const { remote } = facts.options;
  if (!remote) return [];
  const started = performance.now();
  try {
    const answer = await askHost(remote);
    const ms = Math.round(performance.now() - started);
    return [
      ...plaintext(remote),
      ...slowness(remote, ms, facts),
      ...certificateEnd(remote, answer, now),
      ...differences(remote, answer, facts),
    ];
  } catch (reason) {
    const error = UdfError.from(reason);
    return [finding('error', remoteUrl(remote.address), error.message, remedyFor(error, remote))];
  }
}

const tlsRemedy =
  "give --tls-cert, --tls-key and --tls-ca as the proxy has them; the host's certificate must be signed by that authority, and have the name in --remote or --tls-name";

function remedyFor(error: UdfError, { address }: RemoteHost): string {
  if (error instanceof RefusedGreeting && error.refusal === 'certificate') return tlsRemedy;
  switch (error.code) {
    case 'connection':
      return `start the host there: kapacitor-udf serve --listen ${remoteUrl(address)}; else see whether a firewall closes the port`;
    case 'invalid_config':
      return tlsRemedy;
    case 'refused':
    case 'protocol':
      return 'run the same version of kapacitor-udf on both machines';
    default:
      return 'see the log of the host';
  }
}

function plaintext({ address }: RemoteHost): Finding[] {
  if (address.tls || isLoopback(address.host)) return [];
  return [
    finding(
      'note',
      remoteUrl(address),
      'points go to that machine unencrypted, and whoever reaches the port can send and read them',
      'let the host listen at tls://, unless the network itself is trusted',
    ),
  ];
}

function slowness({ address }: RemoteHost, ms: number, { options }: Facts): Finding[] {
  const { answerTimeoutMs = 5_000 } = options;
  if (ms <= answerTimeoutMs) return [];
  return [
    finding(
      'warning',
      remoteUrl(address),
      `the host took ${ms} ms to answer, more than --timeout`,
      'look at the load of that machine and at the network between',
    ),
  ];
}

function certificateEnd(
  { address }: RemoteHost,
  { certificateEnd: end }: HostAnswer,
  now: number,
): Finding[] {
  if (end === undefined || end - now > safeCertificateMs) return [];
  const left = formatDuration(BigInt(Math.max(0, Math.round((end - now) / 3_600_000))) * 3_600_000_000_000n);
  return [
    finding(
      'warning',
      remoteUrl(address),
      `the certificate of the host ends in ${left}: proxies cannot connect after that`,
      'renew it; kapacitor-udf reload makes the host read it',
    ),
  ];
}

/** What the sockets offer against what the host has: a proxy asks the host only as it starts and at a reload. */
function differences({ address }: RemoteHost, { udfs }: HostAnswer, facts: Facts): Finding[] {
  const { sockets } = facts;
  const url = remoteUrl(address);
  const names = [...udfs.keys()].join(', ');
  const known = sockets.filter(({ name }) => udfs.has(name));
  if (sockets.length > 0 && known.length === 0) {
    return [
      finding(
        'warning',
        url,
        `the host has none of the UDFs that Kapacitor is to reach here; it has ${names}`,
        'name them in kapacitor-udf serve there, or give the address of another host',
      ),
    ];
  }
  const missing = sockets
    .filter(({ name }) => !udfs.has(name))
    .map(({ name, socket }) =>
      finding(
        'note',
        socket,
        `@${name} is not among the UDFs of ${url}: ${names}`,
        'nothing, if another host serves this socket; else name it in kapacitor-udf serve there',
      ),
    );
  const stale = known.flatMap(({ name, socket, answer }) => {
    const { wants, provides, options } = udfs.get(name)!; // it is known
    if (!answer.ok) return [];
    const isSame =
      answer.wants === wants &&
      answer.provides === provides &&
      isDeepStrictEqual({ ...answer.options }, { ...options });
    if (isSame) return [];
    return [
      finding(
        'warning',
        socket,
        `@${name} has other options or edges here than at ${url}`,
        'restart the process that serves the socket, then Kapacitor, which asks for options only when it starts',
      ),
    ];
  });
  return [...missing, ...stale];
}
