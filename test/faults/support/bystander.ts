import { expect } from 'vitest';
import { connect, type Conversation } from '../../support/connect.js';
import { until } from '../../support/until.js';
import { pointRequest } from '../../support/udf-messages.js';

/** Keepalives are answered in 100 ms; the rest is what a machine with other work may take. */
const defaultMaxKeepaliveMs = 500;

/** A connection of the same host that streams all the time: no fault of another one may show here. */
export class Bystander {
  readonly #connection: Conversation;
  readonly #timer: NodeJS.Timeout;
  /** The number of points so far. */
  sent = 0n;
  #asked = 0;
  #slowestMs = 0;

  private constructor(connection: Conversation) {
    this.#connection = connection;
    const pending: number[] = [];
    let answered = 0;
    this.#timer = setInterval(() => {
      for (let count = 0; count < 20; count++) {
        connection.send(pointRequest({ time: ++this.sent, name: 'cpu', fields: { v: this.sent } }));
      }
      connection.send({ kind: 'keepalive', time: BigInt(++this.#asked) });
      pending.push(performance.now());
    }, 10);
    connection.output.on('data', () => {
      for (; answered < this.#answers; answered++) {
        this.#slowestMs = Math.max(this.#slowestMs, performance.now() - pending[answered]!);
      }
    });
  }

  static async on(path: string): Promise<Bystander> {
    const connection = await connect(path);
    await connection.init();
    return new Bystander(connection);
  }

  /** Ends it, and expects that it has lost nothing and waited for nothing. */
  async expectUntouched(maxKeepaliveMs = defaultMaxKeepaliveMs): Promise<void> {
    clearInterval(this.#timer);
    await until('keepalives are answered', () => this.#answers === this.#asked);
    await this.#connection.end();
    const times = this.#connection.points.map(({ time }) => time);
    expect(times).toEqual(Array.from({ length: Number(this.sent) }, (_, index) => BigInt(index + 1)));
    expect(this.#slowestMs).toBeLessThan(maxKeepaliveMs);
  }

  /** Those that came without being asked for carry the time of the clock. */
  get #answers(): number {
    const asked = BigInt(this.#asked);
    return this.#connection.responses.filter(
      (response) => response.kind === 'keepalive' && response.time <= asked,
    ).length;
  }
}
