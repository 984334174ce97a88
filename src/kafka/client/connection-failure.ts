import type { Broker } from '@platformatic/kafka';
import { messageOf, systemCode } from '../../model/errors.js';

/** What an error of the client library may wrap. */
interface Wrapping {
  readonly code?: unknown;
  readonly errors?: readonly unknown[];
  readonly cause?: unknown;
}

/** Texts for the system's codes of failed connections. */
const systemTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ENOTFOUND: 'there is no such host (ENOTFOUND)',
  EAI_AGAIN: 'its name cannot be resolved at the moment (EAI_AGAIN)',
  EHOSTUNREACH: 'there is no way to that host (EHOSTUNREACH)',
  ENETUNREACH: 'there is no way to that network (ENETUNREACH)',
  ETIMEDOUT: 'no answer (ETIMEDOUT)',
};

/** An error and what it wraps, from the outermost on; of several errors, the last. */
function causes(reason: unknown): readonly unknown[] {
  const found: unknown[] = [];
  for (let inner = reason; inner !== undefined && inner !== null && !found.includes(inner);) {
    found.push(inner);
    const { errors, cause } = inner as Wrapping;
    inner = errors?.at(-1) ?? cause;
  }
  return found;
}

/** Whether a broker has refused the sign-in: a retry does not help. */
export function isSignInFailure(reason: unknown): boolean {
  return causes(reason).some((cause) => (cause as Wrapping).code === 'PLT_KFK_AUTHENTICATION');
}

/** The address of a broker, and why it cannot be used, in terms of the command's options. */
export function connectionFailure(
  reason: unknown,
  broker: Broker,
  { tls, sasl }: { readonly tls?: object | undefined; readonly sasl?: object | undefined },
): string {
  return `${addressOf(broker)}: ${textOf(causes(reason), tls !== undefined, sasl !== undefined)}`;
}

function textOf(all: readonly unknown[], isTls: boolean, isSasl: boolean): string {
  const innermost = all.at(-1);
  const code = systemCode(innermost) ?? '';
  const messages = all.map(messageOf);
  const known = systemTexts[code];
  if (known !== undefined) return known;
  if (isSignInFailure(all[0])) return `sign-in fails: ${messages.slice(1).join(' ')}`;
  if (isTls && (code === 'ECONNRESET' || code === 'ERR_SSL_WRONG_VERSION_NUMBER')) {
    return 'it does not speak TLS; give the port of its TLS listener, or leave out the --tls options';
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_SSL|ERR_TLS/.test(code)) {
    return `its certificate or ours is not accepted: ${messages.at(-1)}; see --tls-ca, --tls-cert and --tls-key`;
  }
  if (code === 'ECONNRESET' || messages.at(-1) === 'Connection closed') {
    const wants = [
      ...(isTls ? ['a client certificate (--tls-cert)'] : ['TLS (--tls)']),
      ...(isSasl ? [] : ['a sign-in (--sasl)']),
    ].join(' or ');
    return `it closes the connection without an answer, as where it wants ${wants}`;
  }
  if (messages.some((message) => message.includes('timed out'))) {
    return 'no answer; see whether a Kafka broker listens there, and with TLS';
  }
  return messages.at(-1)!; // there is `reason` itself
}

export function addressOf({ host, port }: Broker): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
