import { payloadStart } from '../wire/framing.js';
import { infoTag, initTag, restoreTag, snapshotTag } from '../wire/tags.js';
import { ProtocolFailure } from './protocol-failure.js';
import type { ManagementResponse } from './response-reader.js';

/** The kinds of request with exactly one response each, of the same kind. */
export type TypedKind = 'info' | 'init' | 'snapshot' | 'restore';
export type ResponseTo<Kind extends TypedKind> = Extract<ManagementResponse, { readonly kind: Kind }>;

export interface PendingRequest {
  readonly kind: TypedKind;
  readonly frame: Buffer;
  /** The response of the same kind, once received. */
  response: ManagementResponse | undefined;
}

/** The typed requests that have no response yet, in order. */
export class PendingRequests {
  readonly #requests: PendingRequest[] = [];

  get empty(): boolean {
    return this.#requests.length === 0;
  }

  /** Their kinds, for messages. */
  get kinds(): string {
    return this.#requests.map(({ kind }) => kind).join(', ');
  }

  add(kind: TypedKind, frame: Buffer): PendingRequest {
    const request: PendingRequest = { kind, frame, response: undefined };
    this.#requests.push(request);
    return request;
  }

  /** Assigns a response to the oldest request of its kind. Throws `ProtocolFailure`. */
  answer(response: ResponseTo<TypedKind>, payload: Uint8Array): void {
    const { kind } = response;
    const at = this.#requests.findIndex((request) => request.kind === kind);
    if (at < 0) {
      throw new ProtocolFailure('unasked-response', `a response to ${kind} came that was not requested`);
    }
    const request = this.#requests.splice(at, 1)[0]!; // `at` is its index
    // An init request's first field is a string, an init response's a boolean: our decoder skips it, Kapacitor's does not.
    if (kind === 'init' && request.frame.subarray(-payload.length).equals(payload)) {
      throw new ProtocolFailure(
        'stray-bytes',
        'the init request came back as it was sent: this agent echoes what it reads',
      );
    }
    request.response = response;
  }
}

/** The kind of an encoded request that has a response of its own, by the tag of its one field. */
export function typedKindOf(frame: Buffer): TypedKind | undefined {
  return kindByTag.get(frame[payloadStart(frame)]);
}

const kindByTag: ReadonlyMap<number | undefined, TypedKind> = new Map([
  [infoTag, 'info'],
  [initTag, 'init'],
  [snapshotTag, 'snapshot'],
  [restoreTag, 'restore'],
]);
