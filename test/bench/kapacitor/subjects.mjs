/**
 * A TICKscript with one node to measure.
 *
 * @typedef {object} Subject
 * @property {string} name
 * @property {string} node The node, as TICKscript.
 * @property {'points' | 'changes' | 'averages'} passes How many points leave it: a property of the load.
 * @property {boolean} [reference] What the others are compared with.
 * @property {number} [pid] Of its agent. None for Kapacitor's own nodes, and for its child processes.
 * @property {Record<string, object>} [functions] The UDFs that it needs, as `[udf.functions]` has them.
 */

/** @returns {Subject[]} */
export function subjects({ echo, host, isolated, processes }) {
  const served = (server, udf, name) => {
    const { path, pid } = server.address(udf);
    return { pid, functions: { [name]: { socket: path } } };
  };
  const child = (agent, udf, name) => {
    const { command, args } = agent.stdio(udf);
    return { functions: { [name]: { prog: command, args } } };
  };
  const edge = ".field('state')";
  const average = ".field('value').size(10)";
  return [
    {
      name: 'echo agent',
      node: '@echo()',
      passes: 'points',
      reference: true,
      ...served(echo, 'mirror', 'echo'),
    },
    { name: 'where(TRUE)', node: '|where(lambda: TRUE)', passes: 'points' },
    { name: 'changeDetect', node: "|changeDetect('state')", passes: 'changes' },
    { name: 'movingAverage of Kapacitor', node: "|movingAverage('value', 10)", passes: 'averages' },
    { name: 'mirror', node: '@mirror()', passes: 'points', ...served(host, 'mirror', 'mirror') },
    {
      name: 'edgeDetect',
      node: `@edgeDetect()${edge}`,
      passes: 'changes',
      ...served(host, 'edgeDetect', 'edgeDetect'),
    },
    {
      name: 'movingAverage',
      node: `@movingAverage()${average}`,
      passes: 'points',
      ...served(host, 'movingAverage', 'movingAverage'),
    },
    ...(isolated
      ? [
          {
            name: 'mirror, isolated',
            node: '@mirrorIsolated()',
            passes: 'points',
            ...served(isolated, 'mirror', 'mirrorIsolated'),
          },
          {
            name: 'movingAverage, isolated',
            node: `@averageIsolated()${average}`,
            passes: 'points',
            ...served(isolated, 'movingAverage', 'averageIsolated'),
          },
        ]
      : []),
    {
      name: 'echo agent, process',
      node: '@echoProcess()',
      passes: 'points',
      ...child(processes.echo, 'mirror', 'echoProcess'),
    },
    {
      name: 'mirror, process',
      node: '@mirrorProcess()',
      passes: 'points',
      ...child(processes.plain, 'mirror', 'mirrorProcess'),
    },
  ];
}
