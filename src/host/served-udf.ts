import { type Agent, type AgentOptions, createAgent } from '../agent/agent.js';
import type { EdgeType } from '../model/values.js';
import type { Logger } from '../telemetry/logger.js';
import type { UdfDefinition } from '../udf/definition.js';
import { checkedInfo } from './isolation/worker/udf-info.js';
import { createIsolatedAgent, type IsolatedAgent } from './isolation/front/isolated-agent.js';
import type { UdfInfo } from './isolation/worker/messages.js';
import type { WorkerThreadOptions } from './isolation/worker/worker-thread.js';
import { type WorkerSource, WorkerSupply } from './isolation/worker/worker-supply.js';
import { tuneV8ForWorkers } from './tune-v8.js';

/** What a connection to a UDF is given. */
export type ConnectOptions = Omit<AgentOptions, 'definition' | 'progress'>;

/** A UDF as a host serves it: in this thread, or each connection in a worker of its own. */
export interface ServedUdf {
  readonly name: string;
  readonly wants: EdgeType;
  readonly provides: EdgeType;
  /** Unless it runs in workers. */
  readonly definition?: UdfDefinition | undefined;
  /** Where it runs in workers: what Kapacitor was told of it. */
  readonly isolated?: IsolatedUdf | undefined;
  connect(options: ConnectOptions): Agent | IsolatedAgent;
}

/** A UDF that runs in workers. */
export interface IsolatedUdf {
  /** As of the last reload. */
  info: UdfInfo;
  readonly workers: WorkerSource;
}

/** A UDF that runs in this thread. */
export function servedHere(definition: UdfDefinition): ServedUdf {
  const { name, wants, provides } = definition;
  return {
    name,
    wants,
    provides,
    definition,
    connect: (options) => createAgent({ ...options, definition }),
  };
}

/** Milliseconds between two internal snapshots at most, while there is input. */
const snapshotIntervalMs = 10_000;

/** A UDF whose connections each run in a worker. */
export function servedInWorkers(info: UdfInfo, workers: WorkerSource): ServedUdf {
  const { name, wants, provides } = info;
  const isolated: IsolatedUdf = { info, workers };
  return {
    name,
    wants,
    provides,
    isolated,
    connect: (options) =>
      createIsolatedAgent({ ...options, workers, udf: isolated.info, snapshotIntervalMs }),
  };
}

/**
 * Loads the present code of isolated UDFs in a worker, and takes what has changed in their definitions. Rejects with
 * `invalid_module` if it cannot be loaded, or if Kapacitor would have to be told of a change: nothing is taken then.
 */
export async function loadAgain(udfs: readonly IsolatedUdf[]): Promise<void> {
  const loaded = await udfs[0]?.workers.load((infos) =>
    // all have the same modules
    udfs.map((udf) => ({ udf, info: checkedInfo(udf.info, infos.get(udf.info.name)) })),
  );
  for (const { udf, info } of loaded ?? []) udf.info = info;
}

/** Which UDFs run in workers: all, or those of these names. */
export interface Isolation extends Pick<WorkerThreadOptions, 'maxMemoryBytes'> {
  readonly udfs: 'all' | readonly string[];
}

/**
 * The bundled UDFs and those of modules, as they are to be served. This thread does not load a module whose UDFs all run in
 * workers. Rejects with `invalid_module` as `availableUdfs` does, and with `usage` for an unknown name to isolate.
 */
export async function servedUdfs(
  modules: readonly string[],
  isolation: Isolation | undefined,
  logger: Logger,
): Promise<ReadonlyMap<string, ServedUdf>> {
  // Loaded here: the bundled UDFs import the package, and this file is part of it.
  const { availableUdfs, chooseUdfs } = await import('./available-udfs.js');
  if (!isolation) return mapValues(await availableUdfs(modules), servedHere);
  tuneV8ForWorkers();
  const workers = new WorkerSupply({ modules, maxMemoryBytes: isolation.maxMemoryBytes, logger });
  const infos = await workers.load((found) => found);
  const isolated = mapValues(infos, (info) => servedInWorkers(info, workers));
  if (isolation.udfs === 'all') return isolated;
  const names = new Set(isolation.udfs);
  const chosen = new Map(chooseUdfs(isolated, [...names]).map((udf) => [udf.name, udf]));
  const others = new Set(
    [...infos.values()].flatMap(({ name, module }) =>
      module === undefined || names.has(name) ? [] : [module],
    ),
  );
  return new Map([...mapValues(await availableUdfs([...others]), servedHere), ...chosen]);
}

function mapValues<Old, New>(map: ReadonlyMap<string, Old>, convert: (value: Old) => New): Map<string, New> {
  return new Map(Array.from(map, ([name, value]) => [name, convert(value)]));
}
