import { messageOf, UdfError } from '../model/errors.js';
import type { KapacitorTarget } from './target.js';

const timeoutMs = 10_000;

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** Kapacitor answered, and refused. */
export class KapacitorRefusal extends UdfError {
  readonly status: number;
  /** What was asked: the method and the path. */
  readonly request: string;
  /** What Kapacitor itself says. */
  readonly reason: string;

  constructor(status: number, request: string, reason: string) {
    const hint = status === 401 ? '; give KAPACITOR_USERNAME and KAPACITOR_PASSWORD in the environment' : '';
    super('refused', `Kapacitor refused ${request}: ${reason} (HTTP ${status})${hint}`);
    this.status = status;
    this.request = request;
    this.reason = reason;
  }
}

/**
 * Requests to version 1 of Kapacitor's HTTP API. Each rejects with a `KapacitorRefusal` when Kapacitor refuses, and with
 * `connection` that names the URL when it cannot be reached, does not answer within ten seconds, or is an InfluxDB.
 */
export class KapacitorHttp {
  readonly url: string;

  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, authorization }: KapacitorTarget) {
    this.url = url.replace(/\/+$/, '');
    this.#headers = authorization === undefined ? {} : { authorization };
  }

  /** The answer's JSON, whose shape is the API's promise. A body that is an object goes as JSON. */
  async json<Answer>(method: Method, path: string, body?: object): Promise<Answer> {
    const response = await this.send(method, path, body && JSON.stringify(body));
    return (await response.json()) as Answer;
  }

  /** As `json`, but `undefined` if there is nothing of that name. */
  async jsonIfThere<Answer>(path: string): Promise<Answer | undefined> {
    try {
      return await this.json<Answer>('GET', path);
    } catch (reason) {
      if (reason instanceof KapacitorRefusal && reason.status === 404) return undefined;
      throw reason;
    }
  }

  async send(method: Method, path: string, body?: string): Promise<Response> {
    const request = `${method} ${path}`;
    let response: Response;
    try {
      response = await fetch(`${this.url}/kapacitor/v1${path}`, {
        method,
        headers: this.#headers,
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (cause) {
      const why = messageOf(cause instanceof Error && cause.cause ? cause.cause : cause);
      throw new UdfError(
        'connection',
        `no answer from Kapacitor at ${this.url} (${method} ${path.split('?')[0]}): ${why}`,
        {
          cause,
        },
      );
    }
    if (response.ok) return response;
    if (response.headers.has('x-influxdb-version')) {
      throw new UdfError('connection', `${this.url} is an InfluxDB; Kapacitor's own port is 9092, as a rule`);
    }
    throw new KapacitorRefusal(response.status, request, reasonOf(await response.text()));
  }
}

/** A path of these parts, whatever characters they have. */
export function pathOf(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}

function reasonOf(body: string): string {
  try {
    const { error } = JSON.parse(body) as { readonly error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Not every answer is JSON; then it is the reason as it stands.
  }
  return body.trim();
}
