import { messageOf, UdfError } from '../model/errors.js';
import { formatJson, parseJson } from './json.js';
import type { KapacitorTarget } from './target.js';

const requestTimeoutMs = 10_000;

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** Kapacitor refused a request. */
export class KapacitorRefusal extends UdfError {
  readonly status: number;
  /** Method and path. */
  readonly request: string;
  /** Kapacitor's own message. */
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
 * Requests to version 1 of Kapacitor's HTTP API.
 *
 * Each rejects with a `KapacitorRefusal` if Kapacitor refuses it, and with `connection` naming the URL if the server
 * cannot be reached, does not answer within ten seconds, or is an InfluxDB.
 */
export class KapacitorHttp {
  readonly url: string;

  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, authorization }: KapacitorTarget) {
    this.url = url.replace(/\/+$/, '');
    this.#headers = authorization === undefined ? {} : { authorization };
  }

  /** Sends an object as JSON and returns the response's JSON. Integers beyond 2^53 are `bigint` both ways. */
  async json<Content>(method: Method, path: string, body?: object): Promise<Content> {
    const response = await this.send(method, path, body && formatJson(body));
    return parseJson(await response.text()) as Content; // its shape is what the API documents
  }

  /** As `json`, but `undefined` if Kapacitor answers 404. */
  async jsonOrUndefined<Content>(path: string): Promise<Content | undefined> {
    try {
      return await this.json<Content>('GET', path);
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
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
    } catch (cause) {
      const why = messageOf(cause instanceof Error && cause.cause ? cause.cause : cause);
      throw new UdfError(
        'connection',
        `no answer from Kapacitor at ${this.url} (${method} ${path.split('?')[0]}): ${why}; is it running, and the URL right?`,
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

/** A URL path of these segments, each escaped. */
export function pathOf(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}

function reasonOf(body: string): string {
  try {
    const { error } = JSON.parse(body) as { readonly error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Some responses are plain text.
  }
  return body.trim();
}
