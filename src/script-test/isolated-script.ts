import { UdfError } from '../model/errors.js';
import { nearestName } from '../model/text.js';
import { type Property, readTickscript, type ScriptNode, unquote } from '../kapacitor/tickscript.js';
import type { TaskType } from '../kapacitor/types.js';
import { type Edit, type EditOptions, editsOf, addedPrefix } from './script-edits.js';

/** The tag that numbers the points of a group. */
export const numberTag = `${addedPrefix}_n`;
const numbered = `|eval(lambda: string(count())).as('${numberTag}').tags('${numberTag}').keep()`;

/** A node whose output is read. */
export interface ObservedNode {
  readonly node: ScriptNode;
  /** Measurement and tags that an `influxDBOut` node would write instead of a point's own. */
  readonly name: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** The `httpOut` endpoint with its output. */
  readonly endpoint: string;
  /** The topic with its output, if output goes to topics. */
  readonly topic: string;
}

/**
 * Where a copy exposes the output of its nodes: in `httpOut` endpoints, or as events in topics. Topics outlive the task,
 * and can hold NaN and infinities, but not batches.
 */
export type OutputKind = 'http' | 'topics';

export interface IsolationOptions extends EditOptions {
  /** The names of the nodes to observe. */
  readonly watch: readonly string[];
  /** Whether to observe alert nodes, too. */
  readonly alerts: boolean;
}

/** A copy of a script that has no effect outside its task, and exposes the output of some of its nodes. */
export interface IsolatedScript {
  readonly type: TaskType | undefined;
  /** The observed nodes by the names of `watch`. */
  readonly watched: ReadonlyMap<string, ObservedNode>;
  readonly alerts: readonly ObservedNode[];
  /** The script. Nodes that emit batches always expose their last batch in an `httpOut` endpoint. */
  text(options: { readonly batches: ReadonlySet<ObservedNode>; readonly output: OutputKind }): string;
}

/** Makes the copy. Throws `invalid_config` if a node of `watch` is unknown, ambiguous or inside another. */
export function isolate(script: string, options: IsolationOptions): IsolatedScript {
  const { type, dbrps, nodes } = readTickscript(script);
  const others = [...dbrps, ...options.others];
  const edits: Edit[] = [
    ...dbrps.map(({ start, end }) => ({ start, end, text: '' })),
    ...nodes.flatMap((node) => editsOf(node, { ...options, others })),
  ];
  const observed = new Map<ScriptNode, ObservedNode>();
  const observe = (node: ScriptNode): ObservedNode => {
    const known = observed.get(node) ?? {
      node,
      ...outputIdentity(node),
      endpoint: `${addedPrefix}_${node.number}`,
      topic: `${options.database}-${node.number}`,
    };
    observed.set(node, known);
    return known;
  };
  const watched = new Map(options.watch.map((name) => [name, observe(findNode(nodes, name))]));
  const alerts = options.alerts
    ? nodes.filter(({ name, udf, chain }) => !udf && chain && name === 'alert').map(observe)
    : [];
  return {
    type,
    watched,
    alerts,
    text: ({ batches, output }) =>
      withOutputs(script, edits, [...observed.values()], (node) => {
        if (batches.has(node)) return batchOutput(node);
        return output === 'topics' ? topicOutput(node) : httpOutput(node);
      }),
  };
}

/**
 * A node by its name if that is unique (`edgeDetect`), or by name and number as Kapacitor shows it (`edgeDetect2`).
 *
 * Throws `invalid_config` if it is unknown, ambiguous, or an argument of another node.
 */
export function findNode(nodes: readonly ScriptNode[], name: string): ScriptNode {
  const plain = (text: string): string => text.replaceAll('_', '').toLowerCase();
  const candidates = nodes.map((node) => ({
    node,
    names: [plain(node.name), plain(node.name) + String(node.number)],
  }));
  const found = candidates.filter(({ names }) => names.includes(plain(name)));
  const full = (node: ScriptNode): string => `${node.name}${node.number}`;
  if (found.length === 1 && found[0]!.node.chain) return found[0]!.node;
  const known = nodes.map(full);
  if (found.length > 1) {
    const which = found.map(({ node }) => full(node)).join(', ');
    throw new UdfError('invalid_config', `there is more than one node ${name}: name ${which}`);
  }
  if (found.length === 1) {
    throw new UdfError(
      'invalid_config',
      `the node ${name} stands inside another; give it a variable of its own`,
    );
  }
  const near = nearestName(name, [...nodes.map((node) => node.name), ...known]);
  const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`;
  throw new UdfError('invalid_config', `the script has no node ${name} (${hint})`);
}

function outputIdentity({ name, properties }: ScriptNode): Pick<ObservedNode, 'name' | 'tags'> {
  if (name !== 'influxDBOut') return { name: undefined, tags: {} };
  const texts = (property: Property): string[] =>
    property.args.filter(({ kind }) => kind === 'string').map(unquote);
  const measurement = properties.find((property) => property.name === 'measurement');
  const tags = properties.filter((property) => property.name === 'tag').map(texts);
  return {
    name: measurement && texts(measurement)[0],
    tags: Object.fromEntries(tags.map(([key = '', value = '']) => [key, value])),
  };
}

/** Applies the edits, cuts chains behind observed nodes with a variable each, and attaches the outputs to these. */
function withOutputs(
  script: string,
  edits: readonly Edit[],
  observed: readonly ObservedNode[],
  outputOf: (observed: ObservedNode) => string,
): string {
  const sorted = edits.toSorted((one, other) => one.start - other.start);
  const slice = (start: number, end: number): string => {
    let text = '';
    let at = start;
    for (const edit of sorted) {
      if (edit.start < start || edit.end > end || (edit.start === start && edit.end === start)) continue;
      text += script.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    return text + script.slice(at, end);
  };
  const cuts = observed.toSorted((one, other) => one.node.end - other.node.end);
  let text = '';
  let at = 0;
  cuts.forEach(({ node, endpoint }, index) => {
    const { start, head } = node.chain!; // `findNode` and `isolate` choose only nodes of a chain
    const before = cuts[index - 1];
    const continues = before?.node.chain === node.chain ? before : undefined;
    if (continues) {
      text += `var ${endpoint} = ${continues.endpoint}${slice(continues.node.end, node.end)}\n`;
    } else {
      text += `${slice(at, start)}var ${endpoint} = ${slice(head, node.end)}\n`;
    }
    at = node.end;
    if (cuts[index + 1]?.node.chain !== node.chain) {
      const declaration = script.slice(start, head);
      const isContinued = /^\s*(?:\/\/[^\n]*\s*)*[|@.]/.test(script.slice(node.end));
      if (declaration !== '' || isContinued) text += `${declaration}${endpoint}`;
    }
  });
  text += slice(at, script.length);
  return `${text.trimEnd()}\n${observed.map(outputOf).join('\n')}\n`;
}

/** `httpOut` holds the last point of each group: with one group per numbered point it holds all of them, in order. */
function httpOutput({ endpoint }: ObservedNode): string {
  return `${endpoint}${numbered}|groupBy(*)|httpOut('${endpoint}')`;
}

/** Points of a batch cannot be grouped one by one: the endpoint holds the last batch. */
function batchOutput({ endpoint }: ObservedNode): string {
  return `${endpoint}|httpOut('${endpoint}')`;
}

/**
 * A topic holds the last event of each id: each numbered point has its own. `read-output.ts` parses the details; they are
 * not JSON as a whole, which has no NaN.
 */
function topicOutput({ endpoint, topic }: ObservedNode): string {
  const id = `{{ .Group }} {{ index .Tags "${numberTag}" }}`;
  return `${endpoint}${numbered}|alert().id('${id}').details('${pointTemplate}').crit(lambda: TRUE).topic('${topic}')`;
}

const pointTemplate =
  '{{ .Time.UnixNano }} {{ json .Name }} {{ range $key, $value := .Tags }}tag {{ json $key }} {{ json $value }} {{ end }}' +
  '{{ range $key, $value := .Fields }}{{ printf "%T" $value }} {{ json $key }} ' +
  '{{ if eq (printf "%T" $value) "string" }}{{ json $value }}{{ else }}{{ $value }}{{ end }} {{ end }}';
