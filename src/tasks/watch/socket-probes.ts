import { messageOf } from '../../model/errors.js';

/** Max age of an answer that a revival relies on. */
const freshMs = 1_000;

interface Answer {
  readonly at: number;
  /** `undefined` if the UDF answers. */
  readonly problem: Promise<string | undefined>;
}

/** Whether the sockets of UDFs answer. */
export class SocketProbes {
  readonly #probe: (socket: string) => Promise<unknown>;
  readonly #now: () => number;
  readonly #answers = new Map<string, Answer>();

  constructor(probe: (socket: string) => Promise<unknown>, now: () => number) {
    this.#probe = probe;
    this.#now = now;
  }

  /**
   * Why not all of these UDFs answer; `undefined` if they do, or have no socket here. A good answer counts for `maxAgeMs`, a
   * second if not given.
   */
  async problemOf(
    udfs: readonly string[],
    sockets: ReadonlyMap<string, string>,
    maxAgeMs = freshMs,
  ): Promise<string | undefined> {
    for (const udf of udfs) {
      const socket = sockets.get(udf);
      const problem = socket === undefined ? undefined : await this.#problem(socket, maxAgeMs);
      if (problem !== undefined) return `@${udf} does not answer on ${socket}: ${problem}`;
    }
    return undefined;
  }

  async #problem(socket: string, maxAgeMs: number): Promise<string | undefined> {
    const now = this.#now();
    const known = this.#answers.get(socket);
    if (known && now - known.at < maxAgeMs) {
      const problem = await known.problem;
      if (problem === undefined || now - known.at < freshMs) return problem;
    }
    const problem = this.#probe(socket).then(() => undefined, messageOf);
    this.#answers.set(socket, { at: now, problem });
    return problem;
  }
}
