import { readFileSync } from 'node:fs';
import { UdfError } from '../../model/errors.js';
import type { UseId } from '../../model/statistics.js';
import type { Host } from '../host-options.js';
import { type HttpAddress, isLoopback, isLoopbackName } from './address.js';
import { figuresOf } from './figures.js';
import { type FindConnections, PointSampler } from './point-samples.js';
import type { HttpReply, HttpRequest, HttpRoute } from './server.js';

/** A host, as its endpoints see it. */
export interface ObservedHost extends Pick<Host, 'stats' | 'readiness'> {
  /** The open connections of a use. */
  readonly connectionsOf: FindConnections;
}

/** The page and what it asks for. */
export interface Page {
  readonly routes: readonly (readonly [path: string, route: HttpRoute])[];
  close(): void;
}

/** No script or style but our own files, no other server, no frame around it. */
const headers: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const files = [
  ['/', 'live.html', 'text/html; charset=utf-8'],
  ['/live.css', 'live.css', 'text/css; charset=utf-8'],
  ['/live.js', 'live.js', 'text/javascript; charset=utf-8'],
] as const;

/**
 * The live page at `/`, with its figures and sampled points as JSON. Points are shown at a loopback address only, or as
 * `wanted` says.
 */
export function livePage(address: HttpAddress, host: ObservedHost, wanted: boolean | undefined): Page {
  const showsPoints = wanted ?? isLoopback(address.host);
  const figures = namedLocally(address, wanted, () =>
    json(200, figuresOf(host.stats, host.readiness, showsPoints)),
  );
  const sampler = new PointSampler((use) => host.connectionsOf(use));
  const points = (request: HttpRequest): HttpReply => {
    if (!showsPoints) {
      return json(403, { error: 'points are not shown here; start the host with --http-points' });
    }
    const use = useOf(request.query);
    return use ? json(200, sampler.look(use)) : json(400, { error: 'name udf, task and node' });
  };
  return {
    routes: [
      ...files.map(([path, file, contentType]) => {
        const body = readAsset(file);
        return [path, () => ({ status: 200, contentType, body, headers })] as const;
      }),
      ['/figures', figures],
      ['/points', namedLocally(address, wanted, points)],
    ],
    close: () => {
      sampler.close();
    },
  };
}

/**
 * Answers 403 if a loopback address is requested by another name than its own, unless points are shown to all. Otherwise a site
 * whose name resolves to this machine (DNS rebinding) could read the answer in a browser.
 */
export function namedLocally(
  { host }: HttpAddress,
  showsPoints: boolean | undefined,
  route: HttpRoute,
): HttpRoute {
  if (!isLoopback(host) || showsPoints === true) return route;
  return (request) =>
    isLoopbackName(request.host)
      ? route(request)
      : json(403, { error: 'this is shown to this machine only, by the name localhost or its address' });
}

function useOf(query: URLSearchParams): UseId | undefined {
  const [udf, task, node] = ['udf', 'task', 'node'].map((name) => query.get(name) ?? undefined);
  return udf === undefined || task === undefined || node === undefined ? undefined : { udf, task, node };
}

function readAsset(file: string): Buffer {
  try {
    return readFileSync(new URL(`assets/${file}`, import.meta.url));
  } catch (cause) {
    throw new UdfError('internal', `the file ${file} of the live page is missing`, { cause });
  }
}

/** A JSON answer. */
export function json(status: number, value: object): HttpReply {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n`, headers };
}
