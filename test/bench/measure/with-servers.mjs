import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { Server } from '../agents.mjs';

/**
 * Starts each agent on sockets, does something with them, and stops them. What an agent logged is added to an error,
 * since the reason is mostly there.
 *
 * @template Result
 * @param {import('./plan.mjs').Bench} bench
 * @param {string | undefined} udf
 * @param {{ probed?: boolean }} how
 * @param {(servers: Server[]) => Promise<Result>} use
 * @returns {Promise<Result>}
 */
export async function withServers({ agents, directory }, udf, how, use) {
  const servers = [];
  try {
    for (const agent of agents) {
      servers.push(await Server.start(agent, udf, mkdtempSync(join(directory, 's')), how));
    }
    return await use(servers);
  } catch (reason) {
    const logs = servers.map(({ log }, index) => log && `\n${agents[index].label} logged: ${log}`);
    throw new Error(`${reason.message}${logs.join('')}`, { cause: reason });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}
