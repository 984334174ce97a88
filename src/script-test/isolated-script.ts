import { UdfError } from '../model/errors.js';
import { nearestName } from '../model/text.js';
import { type Property, readTickscript, type ScriptNode, unquote } from '../kapacitor/tickscript.js';
import type { TaskType } from '../kapacitor/types.js';
import { type Edit, type EditOptions, editsOf, mark } from './script-edits.js';

/** The tag that numbers the points of a group. */
export const numberTag = `${mark}_n`;
const numbered = `|eval(lambda: string(count())).as('${numberTag}').tags('${numberTag}').keep()`;

/** A node that is looked at. */
export interface Observed {
  readonly node: ScriptNode;
  /** How the points that come here look to whom the script hands them: with another name, with more tags. */
  readonly name: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** Where they are shown. */
  readonly endpoint: string;
  /** The topic in which they are shown, if they are. */
  readonly topic: string;
}

export interface IsolationOptions extends EditOptions {
  /** The names of the nodes to look at. */
  readonly watch: readonly string[];
  /** Whether alerts are to be looked at, too. */
  readonly alerts: boolean;
  /** Whether to show points as events of topics, which outlive the task. */
  readonly topics: boolean;
}

/** A copy of a script that touches nothing outside, and shows what comes out of some of its nodes. */
export interface IsolatedScript {
  readonly type: TaskType | undefined;
  /** The nodes that were asked for, by the names that they were asked by. */
  readonly watched: ReadonlyMap<string, Observed>;
  readonly alerts: readonly Observed[];
  /** The script, with those nodes shown that carry batches as their last batch only. */
  text(batches: ReadonlySet<Observed>): string;
}

/** Makes the copy. Throws `invalid_config` for a node that the script does not have. */
export function isolate(script: string, options: IsolationOptions): IsolatedScript {
  const { type, dbrps, nodes } = readTickscript(script);
  const others = [...dbrps, ...options.others];
  const edits: Edit[] = [
    ...dbrps.map(({ start, end }) => ({ start, end, text: '' })),
    ...nodes.flatMap((node) => editsOf(node, { ...options, others })),
  ];
  const observed = new Map<ScriptNode, Observed>();
  const observe = (node: ScriptNode): Observed => {
    const known = observed.get(node) ?? {
      node,
      ...lookOf(node),
      endpoint: `${mark}_${node.number}`,
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
    text: (batches) =>
      rewritten(
        script,
        edits,
        [...observed.values()],
        options.topics ? topicOf : (one) => shown(one, batches.has(one)),
      ),
  };
}

/** A node by its name (`edgeDetect`, if there is one such), or by that and its number, as Kapacitor shows it. */
export function findNode(nodes: readonly ScriptNode[], name: string): ScriptNode {
  const plain = (text: string): string => text.replaceAll('_', '').toLowerCase();
  const called = nodes.map((node) => ({
    node,
    names: [plain(node.name), plain(node.name) + String(node.number)],
  }));
  const found = called.filter(({ names }) => names.includes(plain(name)));
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

function lookOf({ name, properties }: ScriptNode): Pick<Observed, 'name' | 'tags'> {
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

/** Parts chains behind the nodes that are looked at, so that something more can hang on them. */
function rewritten(
  script: string,
  edits: readonly Edit[],
  observed: readonly Observed[],
  show: (observed: Observed) => string,
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
    const { start, head } = node.chain!; // findNode takes no others
    const before = cuts[index - 1];
    const goesOn = before?.node.chain === node.chain ? before : undefined;
    if (goesOn) {
      text += `var ${endpoint} = ${goesOn.endpoint}${slice(goesOn.node.end, node.end)}\n`;
    } else {
      text += `${slice(at, start)}var ${endpoint} = ${slice(head, node.end)}\n`;
    }
    at = node.end;
    if (cuts[index + 1]?.node.chain !== node.chain) {
      const named = script.slice(start, head);
      const more = /^\s*(?:\/\/[^\n]*\s*)*[|@.]/.test(script.slice(node.end));
      if (named !== '' || more) text += `${named}${endpoint}`;
    }
  });
  text += slice(at, script.length);
  return `${text.trimEnd()}\n${observed.map(show).join('\n')}\n`;
}

/**
 * `httpOut` holds the last point of each group: with a group for each point it holds them all, in the order in which they
 * came. Batches cannot be parted so.
 */
function shown({ endpoint }: Observed, batch: boolean): string {
  if (batch) return `${endpoint}|httpOut('${endpoint}')`;
  return `${endpoint}${numbered}|groupBy(*)|httpOut('${endpoint}')`;
}

/** A topic holds the last event of each id: each point has one of its own. */
function topicOf({ endpoint, topic }: Observed): string {
  const id = `{{ .Group }} {{ index .Tags "${numberTag}" }}`;
  return `${endpoint}${numbered}|alert().id('${id}').details('{{ json . }}').crit(lambda: TRUE).topic('${topic}')`;
}
