import type { Duplex } from 'node:stream';
import { messageOf, UdfError } from '../../model/errors.js';

/**
 * What both sides say first, a line each:
 *
 *     kapacitor-udf/2 info
 *     kapacitor-udf/2 session new edgeDetect
 *     kapacitor-udf/2 session 7b1c…e0 edgeDetect 70216
 *
 * asks for the UDFs, for a new session, or to resume one after this many bytes; the answers are
 *
 *     kapacitor-udf/2 info [{"name":"edgeDetect",…}]
 *     kapacitor-udf/2 session 7b1c…e0 81920
 *     kapacitor-udf/2 error unknown_session this host knows no such session
 */
const protocol = 'kapacitor-udf';
/** 2: acknowledgements may ask for idle ticks. */
const version = 2;

/** What a client asks for. */
export type Greeting =
  | { readonly kind: 'info' }
  | { readonly kind: 'new'; readonly udf: string }
  | {
      readonly kind: 'resume';
      readonly session: string;
      readonly udf: string;
      /** Bytes of the link that the client has received. */
      readonly received: number;
    };

const refusalCodes = [
  'certificate',
  'version',
  'malformed',
  'unknown_udf',
  'unknown_session',
  'limit',
] as const;

/** Why a greeting is refused, for programs. */
export type RefusalCode = (typeof refusalCodes)[number];

export type GreetingAnswer =
  | { readonly kind: 'info'; readonly json: string }
  /** `received`: bytes of the link that the server has received. */
  | { readonly kind: 'session'; readonly session: string; readonly received: number }
  | { readonly kind: 'refusal'; readonly code: RefusalCode; readonly text: string };

/** Longest line of a client, its end included. */
export const maxGreetingBytes = 512;
/** Longest line of a server: the infos of all UDFs. */
export const maxAnswerBytes = 4 * 1024 * 1024;

const sessionName = /^[\da-f]{32}$/;
const udfName = /^[\w-]{1,200}$/;

export function formatGreeting(greeting: Greeting): string {
  switch (greeting.kind) {
    case 'info':
      return `${protocol}/${version} info\n`;
    case 'new':
      return `${protocol}/${version} session new ${greeting.udf}\n`;
    case 'resume':
      return `${protocol}/${version} session ${greeting.session} ${greeting.udf} ${greeting.received}\n`;
  }
}

/** Reads a client's line, without its end. Throws `protocol`, with a message for the client, if it is not a greeting. */
export function parseGreeting(line: string): Greeting {
  const [kind, ...words] = wordsOf(line);
  if (kind === 'info' && words.length === 0) return { kind };
  if (kind === 'session') {
    const [session = '', udf = '', position] = words;
    if (udfName.test(udf)) {
      if (session === 'new' && words.length === 2) return { kind: 'new', udf };
      const received = positionOf(position);
      if (sessionName.test(session) && received !== undefined && words.length === 3) {
        return { kind: 'resume', session, udf, received };
      }
    }
  }
  throw new UdfError('protocol', `"${shown(line)}" asks for nothing that is known`);
}

export function formatAnswer(answer: GreetingAnswer): string {
  switch (answer.kind) {
    case 'info':
      return `${protocol}/${version} info ${answer.json}\n`;
    case 'session':
      return `${protocol}/${version} session ${answer.session} ${answer.received}\n`;
    case 'refusal':
      return `${protocol}/${version} error ${answer.code} ${answer.text.replace(/\s+/g, ' ')}\n`;
  }
}

/** Reads a server's line, without its end. Throws `protocol` if it is not an answer. */
export function parseAnswer(line: string): GreetingAnswer {
  const [kind, first = '', ...rest] = wordsOf(line);
  if (kind === 'info') return { kind, json: [first, ...rest].join(' ') };
  if (kind === 'session' && sessionName.test(first) && rest.length === 1) {
    const received = positionOf(rest[0]);
    if (received !== undefined) return { kind, session: first, received };
  }
  const code = refusalCodes.find((known) => known === first);
  if (kind === 'error' && code !== undefined) return { kind: 'refusal', code, text: rest.join(' ') };
  throw new UdfError('protocol', `"${shown(line)}" is no answer to a greeting`);
}

/** The start of a line for a message, without control characters, such as the CR of HTTP. */
function shown(line: string): string {
  return line
    .slice(0, 100)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}

/** The words after the protocol's name and version. */
function wordsOf(line: string): string[] {
  const [, theirs, words] = /^kapacitor-udf\/(\d{1,9}) (.*)$/.exec(line) ?? [];
  if (theirs === undefined) {
    throw new UdfError('protocol', `"${shown(line)}" does not begin with ${protocol}/${version}`);
  }
  if (Number(theirs) !== version) throw new VersionError(Number(theirs));
  return words!.split(' ');
}

/** The other side speaks another version of the protocol. */
export class VersionError extends UdfError {
  constructor(theirs: number) {
    super(
      'protocol',
      `the other side speaks version ${theirs} of the protocol, this one version ${version}; run the same version of kapacitor-udf on both`,
    );
  }
}

/** The other side has closed the connection without a word. */
export class NoFirstLine extends UdfError {
  constructor() {
    super('connection', 'the connection was closed before its first line');
  }
}

function positionOf(word: string | undefined): number | undefined {
  if (word === undefined || !/^\d{1,16}$/.test(word)) return undefined;
  const position = Number(word);
  return Number.isSafeInteger(position) ? position : undefined;
}

/**
 * Reads the first line of a connection, without its end, and what has come after it; the stream is paused then. Rejects with
 * `protocol` for a line above `maxBytes`, and with `connection` if it does not come within `withinMs` or the stream ends
 * before.
 */
export function readLine(
  stream: Duplex,
  maxBytes: number,
  withinMs: number,
): Promise<{ readonly line: string; readonly rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const done = (): void => {
      clearTimeout(timer);
      stream.pause();
      stream.off('data', read).off('error', failed).off('close', ended).off('end', ended);
    };
    const fail = (error: UdfError): void => {
      done();
      reject(error);
    };
    const read = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf(0x0a);
      if (end === -1 ? received.length >= maxBytes : end >= maxBytes) {
        fail(new UdfError('protocol', `the first line is longer than ${maxBytes} bytes`));
      } else if (end !== -1) {
        done();
        resolve({ line: received.toString('latin1', 0, end), rest: received.subarray(end + 1) });
      }
    };
    const failed = (cause: Error): void => {
      fail(new UdfError('connection', messageOf(cause), { cause }));
    };
    const ended = (): void => {
      fail(new NoFirstLine());
    };
    const timer = setTimeout(() => {
      fail(new UdfError('connection', `no first line has come within ${withinMs} ms`));
    }, withinMs);
    stream.on('data', read).once('error', failed).once('close', ended).once('end', ended);
  });
}
