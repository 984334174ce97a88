import { UdfError } from '../../errors.js';
import { nearestName } from '../../udf/nearest-name.js';
import {
  type Property,
  quote,
  readTickscript,
  type ScriptNode,
  unquote,
} from '../../kapacitor/tickscript.js';
import type { Dbrp, TaskType } from '../../kapacitor/types.js';

/** Names in the copy of a script that the script itself is not likely to have. */
export const mark = 'kapacitor_udf';

/** Nodes that do something outside the task: a pass-through stands in for them. */
const outward = /^(influxDBOut|httpPost|kapacitorLoopback|\w+Autoscale)$/;

/** What shapes an alert; everything else of it tells somebody. */
const shaping = new Set([
  ...[
    'id',
    'message',
    'details',
    'info',
    'warn',
    'crit',
    'infoReset',
    'warnReset',
    'critReset',
    'flapping',
    'history',
  ],
  ...[
    'levelTag',
    'levelField',
    'messageField',
    'durationField',
    'idTag',
    'idField',
    'all',
    'noRecoveries',
    'quiet',
  ],
  ...['stateChangesOnly', 'category', 'inhibit'],
]);

/** The fields that an alert's points carry in the copy. */
export const alertFields = { level: `${mark}_level`, message: `${mark}_message`, id: `${mark}_id` } as const;

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

/** A change of the text: what is between `start` and `end` becomes `text`. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface IsolationOptions {
  /** The names of the nodes to look at. */
  readonly watch: readonly string[];
  /** Whether alerts are to be looked at, too. */
  readonly alerts: boolean;
  /** The database that a query is to read in place of others. */
  readonly database: string;
  readonly others: readonly Dbrp[];
  /** When to carry out queries, as `.cron` takes it. */
  readonly cron: string;
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

function editsOf(node: ScriptNode, options: IsolationOptions): Edit[] {
  const { name, udf, properties, start, end } = node;
  if (udf) return [];
  if (outward.test(name)) return [{ start, end, text: `|httpOut('${mark}_instead_${node.number}')` }];
  const without = (unwanted: (property: Property) => boolean): Edit[] =>
    properties.filter(unwanted).map((property) => ({ start: property.start, end: property.end, text: '' }));
  if (name === 'alert') {
    const { level, message, id } = alertFields;
    const more = `.levelField('${level}').messageField('${message}').idField('${id}')`;
    return [...without((property) => !shaping.has(property.name)), { start: end, end, text: more }];
  }
  if (name === 'from') return without((property) => ['database', 'retentionPolicy'].includes(property.name));
  if (name !== 'query') return [];
  const queries = node.args
    .filter(({ kind }) => kind === 'string')
    .map((token) => ({ ...token, text: quote(redirected(unquote(token), options)) }));
  return [
    ...queries,
    ...without((property) => ['every', 'cron', 'align', 'cluster'].includes(property.name)),
    { start: end, end, text: `.cron('${options.cron}')` },
  ];
}

/** A query of the case's own database. */
function redirected(query: string, { others, database }: IsolationOptions): string {
  let text = query;
  for (const { db, rp } of others) {
    for (const from of [`"${db}"."${rp}"`, `${db}.${rp}`, `"${db}".${rp}`, `${db}."${rp}"`]) {
      text = text.replaceAll(`${from}.`, `"${database}"."${rp}".`);
    }
    text = text
      .replaceAll(`"${db}"..`, `"${database}"..`)
      .replaceAll(new RegExp(`\\b${db}\\.\\.`, 'g'), `"${database}"..`);
  }
  return text;
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
