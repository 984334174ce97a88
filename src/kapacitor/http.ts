import { readText } from '../http/read-text.js';
import { messageOf, UdfError } from '../model/errors.js';
import { formatJson, parseJson } from './json.js';
import type { KapacitorTarget } from './target.js';

const defaultRequestTimeoutMs = 10_000;
/** Far above any list of tasks. */
const maxAnswerBytes = 256 * 1024 * 1024;

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** The answer to a request that Kapacitor has not refused. */
export interface KapacitorAnswer {
  readonly headers: Headers;
  readonly text: string;
}

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
 * cannot be reached, does not answer completely within the time limit (ten seconds by default), or is an InfluxDB.
 */
export class KapacitorHttp {
  readonly url: string;

  readonly #headers: Readonly<Record<string, string>>;
  readonly #requestTimeoutMs: number;

  constructor({ url, authorization }: KapacitorTarget, requestTimeoutMs = defaultRequestTimeoutMs) {
    this.#requestTimeoutMs = requestTimeoutMs;
    this.url = url.replace(/\/+$/, '');
    this.#headers = authorization === undefined ? {} : { authorization };
  }

  /** Sends an object as JSON and returns the response's JSON. Integers beyond 2^53 are `bigint` both ways. */
  async json<Content>(method: Method, path: string, body?: object): Promise<Content> {
    const { text } = await this.send(method, path, body && formatJson(body));
    return parseJson(text) as Content; // its shape is what the API documents
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

  async send(method: Method, path: string, body?: string): Promise<KapacitorAnswer> {
    const request = `${method} ${path}`;
    let response: Response;
    let text: string;
    let isCut: boolean;
    try {
      response = await fetch(`${this.url}/kapacitor/v1${path}`, {
        method,
        headers: this.#headers,
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(this.#requestTimeoutMs),
      });
      ({ text, isCut } = await readText(response, maxAnswerBytes));
    } catch (cause) {
      throw this.#noAnswer(`${method} ${path.split('?')[0]}`, cause);
    }
    if (isCut) {
      throw new UdfError(
        'connection',
        `${this.url} answers ${request} with more than ${maxAnswerBytes} bytes; is it a Kapacitor?`,
      );
    }
    if (response.ok) return { headers: response.headers, text };
    if (response.headers.has('x-influxdb-version')) {
      throw new UdfError('connection', `${this.url} is an InfluxDB; Kapacitor's own port is 9092, as a rule`);
    }
    throw new KapacitorRefusal(response.status, request, reasonOf(text));
  }

  #noAnswer(request: string, cause: unknown): UdfError {
    const why = isTimeout(cause)
      ? `no complete answer within ${this.#requestTimeoutMs / 1_000} s`
      : messageOf(cause instanceof Error && cause.cause ? cause.cause : cause);
    return new UdfError(
      'connection',
      `no answer from Kapacitor at ${this.url} (${request}): ${why}; is it running, and the URL right?`,
      { cause },
    );
  }
}

/** Whether an error means that a time limit has passed. */
export function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
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
