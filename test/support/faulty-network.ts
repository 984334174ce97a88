import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A port whose connections lead to another one, and can be cut, stalled or refused. */
export class FaultyNetwork {
  /** After how many bytes, of both directions together, the next connection is cut; asked for each one. */
  cutAfter: () => number = () => Infinity;
  isRefusing = false;
  /** Connections so far. */
  accepted = 0;
  cuts = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isStalled = false;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => {
      this.accepted++;
      if (this.isRefusing) client.destroy();
      else this.#connect(client, createConnection(targetPort, '127.0.0.1'));
    });
    onTestFinished(async () => {
      this.cut();
      await new Promise((resolve) => this.#server.close(resolve));
    });
  }

  /** Listens in front of a port. */
  static async before(targetPort: number): Promise<FaultyNetwork> {
    const network = new FaultyNetwork(targetPort);
    await new Promise<void>((resolve) => {
      network.#server.listen(0, '127.0.0.1', resolve);
    });
    return network;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens
  }

  /** Cuts all connections. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Passes nothing on any more, while all connections stay open. */
  stall(): void {
    this.#isStalled = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  /** Passes on again, on new connections; the others are cut. */
  endStall(): void {
    this.#isStalled = false;
    this.cut();
  }

  #connect(client: Socket, host: Socket): void {
    const pair = [client, host] as const;
    this.#pairs.add(pair);
    let rest = this.cutAfter();
    const forward = (from: Socket, to: Socket): void => {
      from.on('data', (chunk: Buffer) => {
        to.write(chunk.length <= rest ? chunk : chunk.subarray(0, rest));
        rest -= chunk.length;
        if (rest > 0) return;
        this.cuts++;
        for (const socket of pair) socket.destroySoon();
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#pairs.delete(pair);
        if (!this.#isStalled) to.destroySoon();
      });
    };
    forward(client, host);
    forward(host, client);
    if (this.#isStalled) for (const socket of pair) socket.pause();
  }
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // it listens
  await new Promise((resolve) => server.close(resolve));
  return port;
}
