import { text } from './files.js';

/** A query of a dashboard. */
export interface Query {
  readonly panel: string;
  /** The data source's identifier. */
  readonly source: string;
  readonly statement: string;
  readonly measurement: string;
  /** What it reads of the measurement: fields and tags. */
  readonly names: readonly string[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly query: string; readonly datasource: { readonly uid: string } }[];
  }[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly query: string;
      readonly datasource: { readonly uid: string };
    }[];
  };
}

/** All queries of a dashboard, those of its variables included. */
export function queriesOf(file: string): Query[] {
  // The test of a file of our own: a wrong shape fails it.
  const { panels, templating } = JSON.parse(text(file)) as Dashboard;
  const given = [
    ...panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ panel: title, ...target }))),
    ...templating.list.map((variable) => ({ ...variable, panel: `$${variable.name}` })),
  ];
  return given.map(({ panel, query, datasource }) => {
    const measurement = /FROM "(\w+)"/.exec(query)?.[1] ?? '';
    const names = [...query.matchAll(/"(\w+)"/g)].map(([, name = '']) => name);
    return {
      panel,
      source: datasource.uid,
      statement: query,
      measurement,
      names: names.filter((name) => name !== measurement),
    };
  });
}
