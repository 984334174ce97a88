/**
 * The load generator: a process of its own, so that nothing of what it does is counted as the agent's. It is told what
 * to do by messages `{ job, params }` and answers each with `{ result }` or `{ error }`.
 */
import { holdGroups, restore, snapshot } from './held.mjs';
import { roundTrips, startUp, throughput, unread } from './jobs.mjs';

const jobs = { throughput, roundTrips, startUp, unread, holdGroups, snapshot, restore };

process.on('message', async ({ job, params }) => {
  try {
    process.send({ result: await jobs[job](params) });
  } catch (reason) {
    process.send({ error: reason.message });
  }
});
