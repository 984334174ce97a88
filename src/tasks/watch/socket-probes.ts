import { messageOf } from '../../model/errors.js';

/** Whether the sockets of UDFs answer, each asked at most once. */
export class SocketProbes {
  /** Socket paths by the names of UDFs. */
  readonly sockets: ReadonlyMap<string, string>;
  readonly #probe: (socket: string) => Promise<unknown>;
  readonly #problems = new Map<string, Promise<string | undefined>>();

  constructor(sockets: ReadonlyMap<string, string>, probe: (socket: string) => Promise<unknown>) {
    this.sockets = sockets;
    this.#probe = probe;
  }

  /** Why not all of these UDFs answer; `undefined` if they do, or have no socket here. */
  async problemOf(udfs: readonly string[]): Promise<string | undefined> {
    for (const udf of udfs) {
      const socket = this.sockets.get(udf);
      const problem = socket === undefined ? undefined : await this.#problem(udf, socket);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #problem(udf: string, socket: string): Promise<string | undefined> {
    const asked = this.#problems.get(socket);
    if (asked) return asked;
    const problem = this.#probe(socket).then(
      () => undefined,
      (reason: unknown) => `@${udf} does not answer on ${socket}: ${messageOf(reason)}`,
    );
    this.#problems.set(socket, problem);
    return problem;
  }
}
