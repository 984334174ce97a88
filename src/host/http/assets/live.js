// Shows the figures of a host, once a second. Texts from outside (names, values) only get into the page as text.

const refreshMs = 1000;

const element = (id) => document.getElementById(id);
const rows = new Map();
const whole = new Intl.NumberFormat('en');
const rate = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** Figures of the last refresh, by use; to tell rates by. */
let before;
/** The use whose points are shown. */
let chosen;

const keyOf = ({ udf, task, node }) => JSON.stringify([udf, task, node]);

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${rate.format(count)} ${units[unit]}`;
}

// ---- the table ----

/** The columns with a number: label, text, and whether it is bad. */
const columns = [
  ['in/s', (use) => perSecond(use.inRate)],
  ['out/s', (use) => perSecond(use.outRate)],
  ['points in', (use) => whole.format(use.pointsIn)],
  ['points out', (use) => whole.format(use.pointsOut)],
  ['errors', (use) => whole.format(use.errors), (use) => use.errors > 0],
  ['dropped', (use) => whole.format(use.pointsDropped), (use) => use.pointsDropped > 0],
  ['groups', (use) => whole.format(use.groups)],
  ['restarts', (use) => whole.format(use.restarts), (use) => use.restarts > 0],
  ['queued', (use) => bytes(use.queuedIn + use.queuedOut)],
];

function perSecond(value) {
  return value === undefined ? '–' : rate.format(value);
}

function cell(row, className, label) {
  const td = row.insertCell();
  td.className = className;
  if (label) td.dataset.label = label;
  return td;
}

function createRow(key, use) {
  const row = element('uses').tBodies[0].insertRow();
  row.append(udfHeading(use.udf));
  cell(row, 'wide', 'task').textContent = `${use.task}, ${use.node}`;
  const numbers = columns.map(([label]) => cell(row, 'number', label));
  const points = cell(row, 'wide');
  const button = showButton(key, use);
  points.append(button);
  return { row, numbers, points, button };
}

function udfHeading(udf) {
  const heading = document.createElement('th');
  heading.scope = 'row';
  heading.className = 'wide';
  heading.textContent = udf;
  return heading;
}

/** Shows the points of a use, or hides them if they are shown. */
function showButton(key, use) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'show';
  button.setAttribute('aria-label', `show points of ${use.udf} in ${use.task}, ${use.node}`);
  button.addEventListener('click', () => {
    choose(key === (chosen && keyOf(chosen)) ? undefined : use);
  });
  return button;
}

function showUse(use, canShowPoints) {
  const key = keyOf(use);
  let shown = rows.get(key);
  if (!shown) {
    shown = createRow(key, use);
    rows.set(key, shown);
  }
  shown.row.className = use.connections === 0 ? 'ended' : '';
  columns.forEach(([, text, isBad], index) => {
    setText(shown.numbers[index], text(use));
    shown.numbers[index].classList.toggle('bad', isBad?.(use) ?? false);
  });
  shown.points.hidden = !canShowPoints;
  shown.button.disabled = use.connections === 0;
}

// ---- refresh ----

/** Adds points a second to each use, by the difference to the last refresh. */
function withRates({ time, uses }) {
  return uses.map((use) => {
    const last = before?.uses.get(keyOf(use));
    const seconds = before ? (time - before.time) / 1000 : 0;
    if (!last || seconds <= 0) return use;
    return {
      ...use,
      inRate: (use.pointsIn - last.pointsIn) / seconds,
      outRate: (use.pointsOut - last.pointsOut) / seconds,
    };
  });
}

function showTotals(uses) {
  const sum = (read) => uses.reduce((total, use) => total + (read(use) ?? 0), 0);
  setText(element('total-in'), before ? rate.format(sum((use) => use.inRate)) : '–');
  setText(element('total-out'), before ? rate.format(sum((use) => use.outRate)) : '–');
  setText(element('total-errors'), whole.format(sum((use) => use.errors)));
  setText(element('total-groups'), whole.format(sum((use) => use.groups)));
  setText(element('total-restarts'), whole.format(sum((use) => use.restarts)));
  setText(element('total-queued'), bytes(sum((use) => use.queuedIn + use.queuedOut)));
}

function showStatus(text, isBad) {
  setText(element('status'), text);
  element('status').classList.toggle('bad', isBad);
}

function show(figures) {
  const { readiness, points } = figures;
  const uses = withRates(figures);
  showStatus(readiness.ready ? 'ready' : `not ready: ${readiness.reason}`, !readiness.ready);
  showTotals(uses);
  showTable(uses, points);
  setText(element('idle'), notes(figures).join(' '));
  before = { time: figures.time, uses: new Map(uses.map((use) => [keyOf(use), use])) };
}

function showTable(uses, canShowPoints) {
  element('points-column').hidden = !canShowPoints;
  for (const use of uses) showUse(use, canShowPoints);
  removeRowsExcept(new Set(uses.map(keyOf)));
  element('uses').hidden = uses.length === 0;
}

function removeRowsExcept(keys) {
  for (const [key, { row }] of rows) {
    if (keys.has(key)) continue;
    row.remove();
    rows.delete(key);
  }
}

/** What the table does not show, a sentence each. */
function notes({ points, uses, udfs, omitted }) {
  const used = new Set(uses.filter(({ connections }) => connections > 0).map(({ udf }) => udf));
  const idle = udfs.filter((udf) => !used.has(udf));
  return [
    ...(idle.length > 0 ? [`Not used by a running task: ${idle.join(', ')}.`] : []),
    ...(omitted > 0 ? [`${whole.format(omitted)} more uses are in /metrics.`] : []),
    ...(points ? [] : ['Points are not shown here; --http-points of serve shows them.']),
  ];
}

// ---- points ----

function choose(use) {
  chosen = use;
  markChosen(use && keyOf(use));
  element('points').hidden = use === undefined;
  element('points-in').replaceChildren();
  element('points-out').replaceChildren();
  if (!use) return;
  element('points-title').textContent = `Points of ${use.udf} in ${use.task}, ${use.node}`;
  void refreshPoints();
}

function markChosen(chosenKey) {
  for (const [key, { button }] of rows) {
    const isChosen = key === chosenKey;
    button.setAttribute('aria-pressed', String(isChosen));
    button.textContent = isChosen ? 'hide' : 'show';
  }
}

function pointText({ time, name, group, fields }) {
  const values = Object.entries(fields).map(([field, value]) => `${field}=${value}`);
  const date = new Date(Number(BigInt(time) / 1000000n));
  const shown = Number.isNaN(date.getTime()) ? time : date.toISOString();
  return [shown, name, group, values.join(' ')].filter((part) => part !== '').join('  ');
}

function showPoints(list, points) {
  if (points.length === 0) {
    const none = document.createElement('li');
    none.textContent = 'none yet';
    list.replaceChildren(none);
    return;
  }
  list.replaceChildren(
    ...points.map((point) => {
      const item = document.createElement('li');
      item.textContent = pointText(point);
      return item;
    }),
  );
}

async function refreshPoints() {
  const use = chosen;
  if (!use) return;
  const { udf, task, node } = use;
  const response = await fetch(`points?${new URLSearchParams({ udf, task, node })}`);
  const answer = await response.json();
  if (use !== chosen) return;
  showPoints(element('points-in'), answer.input ?? []);
  showPoints(element('points-out'), answer.output ?? []);
}

// ---- every second, while somebody looks ----

async function refresh() {
  try {
    const response = await fetch('figures');
    show(await response.json());
    await refreshPoints();
  } catch {
    showStatus('the host does not answer', true);
    before = undefined; // a host that starts again counts from 0
  }
}

async function run() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => {
      setTimeout(resolve, refreshMs);
    });
  }
}

void run();
