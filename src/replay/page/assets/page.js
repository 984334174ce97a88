// The page's own script: plain JavaScript for browsers, run once the plotting library and the data are there.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const element = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The eight colours of Okabe and Ito without black: apart for colour-blind eyes, readable on light and dark.
const stateColours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#f0e442'];

const allStates = statesOf(data.groups);

let plot;

showHead();
fill(
  element('group'),
  data.groups.map(({ name }) => name),
  (name) => (name === '' ? '(not grouped)' : name),
);
element('group').addEventListener('change', chooseGroup);
element('input-field').addEventListener('change', drawAgain);
element('emitted-field').addEventListener('change', drawAgain);
element('whole').addEventListener('click', showAll);
window.addEventListener('resize', () => plot?.setSize(plotSize()));
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAgain);
if (data.groups.length > 0) chooseGroup();
else element('chart').textContent = 'No point was read, and none was emitted.';

function showHead() {
  element('title').textContent = data.title;
  element('udf').textContent = data.udf;
  element('options').textContent = data.options;
  element('counts').textContent = data.counts.join(', ');
  // Times are ascending in each series; as texts they would compare wrongly.
  const ends = data.groups.flatMap(({ input, emitted }) =>
    [input.times, emitted.times].flatMap((times) => (times.length > 0 ? [times[0], times.at(-1)] : [])),
  );
  if (ends.length === 0) return;
  const times = ends.map((time) => BigInt(time)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const [from, to] = [times[0], times.at(-1)].map((time) => isoOf(time).replace('T', ' ').slice(0, 19));
  const sameDay = from.slice(0, 10) === to.slice(0, 10);
  element('dates').textContent = `${from} to ${sameDay ? to.slice(11) : to} UTC`;
}

/** A time in nanoseconds as ISO 8601, to the millisecond. */
function isoOf(time) {
  const milliseconds = Number(time / 1000000n) - (time % 1000000n < 0n ? 1 : 0);
  return new Date(milliseconds).toISOString();
}

function fill(select, values, label = (value) => value) {
  const before = select.value;
  select.replaceChildren(...values.map((value) => new Option(label(value), value)));
  if (values.includes(before)) select.value = before;
}

function currentGroup() {
  return data.groups[element('group').selectedIndex];
}

/** The names of fields: one that is the same in all points shows nothing. */
function varyingFirst(fields) {
  const names = Object.keys(fields);
  const varies = (name) => fields[name].values.some((value) => value !== fields[name].values[0]);
  return [...names.filter(varies), ...names.filter((name) => !varies(name))];
}

/** Those of the preferred names that there are, before the others. */
function preferredFirst(preferred, names) {
  return [...new Set([...preferred.filter((name) => names.includes(name)), ...names])];
}

/** After the fields that the options name, numbers that the UDF has made come first among the emitted. */
function chooseGroup() {
  const { input, emitted } = currentGroup();
  const inputs = varyingFirst(input.fields);
  const own = Object.keys(emitted.fields).filter((name) => !inputs.includes(name));
  const shared = inputs.filter((name) => name in emitted.fields);
  const made = own.filter((name) => emitted.fields[name].kind === 'number');
  const emittedNames = [...made, ...shared, ...own.filter((name) => !made.includes(name))];
  fill(element('input-field'), preferredFirst(data.inputFields, inputs));
  fill(element('emitted-field'), preferredFirst(data.emittedFields, emittedNames));
  draw();
}

/** Both series on one time axis: times in nanoseconds, ascending, each with the row of either series that it has. */
function joined(input, emitted) {
  const rows = [];
  let i = 0;
  let e = 0;
  while (i < input.times.length || e < emitted.times.length) {
    const inputTime = i < input.times.length ? BigInt(input.times[i]) : undefined;
    const emittedTime = e < emitted.times.length ? BigInt(emitted.times[e]) : undefined;
    const time =
      emittedTime === undefined || (inputTime !== undefined && inputTime <= emittedTime)
        ? inputTime
        : emittedTime;
    rows.push({
      time,
      input: inputTime === time ? i++ : undefined,
      emitted: emittedTime === time ? e++ : undefined,
    });
  }
  return rows;
}

/** The same span of time, in other colours or of another field. */
function drawAgain() {
  if (!plot) return;
  const { min, max } = plot.scales.x;
  draw();
  plot.setScale('x', { min, max });
}

function draw() {
  const { input, emitted } = currentGroup();
  const inputField = input.fields[element('input-field').value];
  const emittedField = emitted.fields[element('emitted-field').value];
  const rows = joined(input, emitted);
  const at = (field, row) => (row === undefined || !field ? null : field.values[row]);
  const number = (field, row) => {
    const value = field?.kind === 'number' ? at(field, row) : null;
    // NaN and infinities have no place on the chart: they are gaps, and the hover has them.
    return value === null || !Number.isFinite(Number(value)) ? null : Number(value);
  };
  const seconds = rows.map(({ time }) => Number(time / 1000n) / 1e6);
  const inputs = rows.map(({ input }) => number(inputField, input));
  const drawn = rows.map(({ emitted }) => number(emittedField, emitted));
  const lanes = [
    ['input', inputField],
    ['emitted', emittedField],
  ]
    .filter(([, field]) => field?.kind === 'state')
    .map(([side, field]) => ({ side, bands: bands(rows, side, field) }));
  const colours = stateColoursOf(lanes);
  showStates(colours);

  const hasNumbers = inputField?.kind === 'number' || emittedField?.kind === 'number';
  plot?.destroy();
  plot = new uPlot(
    {
      ...plotSize(),
      padding: [null, 32, null, null], // half of the last time below the chart
      tzDate: (time) => uPlot.tzDate(new Date(time * 1000), 'Etc/UTC'), // as the hover shows it
      cursor: { drag: { x: true, y: false } },
      scales: { y: { range: rangeOfNumbers } },
      axes: [{ ...axis(), values: timesOfDay, label: dateLabel() }, hasNumbers ? axis() : bareAxis()],
      series: [
        {
          label: 'time',
          value: (_plot, _value, _series, index) => {
            const row = rows[index ?? -1];
            return row === undefined ? '' : isoOf(row.time).replace('T', ' ').replace('Z', ' UTC');
          },
        },
        {
          label: `${element('input-field').value || 'input'} (input)`,
          stroke: style('--input'),
          width: 1.25,
          spanGaps: true,
          value: (_plot, _value, _series, index) => text(at(inputField, rows[index ?? -1]?.input)),
        },
        {
          label: `${element('emitted-field').value || 'none'} (emitted)`,
          stroke: style('--emitted'),
          width: 1.5,
          spanGaps: true,
          value: (_plot, _value, _series, index) => text(at(emittedField, rows[index ?? -1]?.emitted)),
        },
      ],
      hooks: {
        init: [addTouch],
        setScale: [showDates],
        drawClear: [(drawnPlot) => drawLanes(drawnPlot, lanes, colours, seconds)],
        draw: [(drawnPlot) => drawMarks(drawnPlot, rows, seconds)],
        setCursor: [(drawnPlot) => showHover(drawnPlot, rows, input, emitted)],
      },
    },
    [seconds, inputs, drawn],
    element('chart'),
  );
}

function plotSize() {
  return {
    width: Math.max(240, document.querySelector('main').clientWidth),
    height: Math.max(260, window.innerHeight - 360),
  };
}

function axis() {
  return { stroke: style('--ink'), grid: { stroke: style('--grid') }, ticks: { stroke: style('--grid') } };
}

/** Keeps its place where there are only states. */
function bareAxis() {
  return { values: () => [], grid: { show: false }, ticks: { show: false } };
}

/** Times of 24 hours, with the day where the ticks are days apart, and parts of a second where they are that close. */
function timesOfDay(_plot, splits, _axis, _space, step) {
  return splits.map((time) => {
    const iso = new Date(time * 1000).toISOString();
    if (step >= 86400) return iso.slice(0, 10);
    return iso.slice(11, step >= 60 ? 16 : step >= 1 ? 19 : 23);
  });
}

/** The dates in view and the zone. */
function dateLabel(min, max) {
  if (min === undefined || min === null) return 'UTC';
  const [from, to] = [min, max].map((time) => new Date(time * 1000).toISOString().slice(0, 10));
  return from === to ? `${from} UTC` : `${from} to ${to} UTC`;
}

function showDates(changedPlot, key) {
  if (key !== 'x') return;
  const { min, max } = changedPlot.scales.x;
  changedPlot.axes[0].label = dateLabel(min, max);
}

/** Without a number on either side there is nothing to scale by. */
function rangeOfNumbers(_plot, least, greatest) {
  if (least === null || greatest === null) return [0, 1];
  const margin = (greatest - least) * 0.05 || Math.abs(greatest) * 0.05 || 1;
  return [least - margin, greatest + margin];
}

function showAll() {
  const [times] = plot.data;
  plot.setScale('x', { min: times[0], max: times[times.length - 1] });
}

// ---- touch ----

/** How far a finger may move in a tap, in pixels, and how soon a second tap makes a double one. */
const tapPixels = 8;
const doubleTapMs = 300;

/** One finger moves through time, two zoom, a tap shows the values there, and a double tap shows all. */
function addTouch(touchedPlot) {
  const { over } = touchedPlot;
  const fingers = new Map();
  let start;
  let lastTap = -Infinity;

  /** From where the fingers are now, and the scale as it is now. */
  const begin = () => {
    const places = [...fingers.values()];
    const { min, max } = touchedPlot.scales.x;
    start = { places, min, max, isTap: start?.isTap !== false && places.length === 1 };
  };
  const placeOf = (event) => ({
    x: event.clientX - over.getBoundingClientRect().left,
    y: event.clientY - over.getBoundingClientRect().top,
  });

  over.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'touch') return;
    if (fingers.size === 0) start = undefined;
    fingers.set(event.pointerId, placeOf(event));
    over.setPointerCapture(event.pointerId);
    begin();
  });
  over.addEventListener('pointermove', (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, placeOf(event));
    const places = [...fingers.values()];
    const [from, to] = [start.places, places].map((all) => all.slice(0, 2).map(({ x }) => x));
    if (start.isTap && Math.abs(to[0] - from[0]) <= tapPixels) return;
    if (start.isTap) touchedPlot.setCursor({ left: -10, top: -10 }); // the values of an earlier tap
    start.isTap = false;
    moveScale(touchedPlot, start, from, to);
  });
  over.addEventListener('pointerup', (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (fingers.size > 0) {
      begin();
      return;
    }
    if (!start.isTap) return;
    const isDouble = event.timeStamp - lastTap < doubleTapMs;
    lastTap = isDouble ? -Infinity : event.timeStamp;
    if (isDouble) showAll();
    else touchedPlot.setCursor({ left: start.places[0].x, top: start.places[0].y });
  });
  over.addEventListener('pointercancel', (event) => {
    fingers.delete(event.pointerId);
    if (fingers.size > 0) begin();
  });
  // The browser makes mouse events of a tap, which the chart would take for a drag or a double click.
  over.addEventListener('touchend', (event) => event.cancelable && event.preventDefault(), {
    passive: false,
  });
}

/** Keeps the times under the fingers: from where they were on the scale at the start to where they are. */
function moveScale(movedPlot, { min, max }, from, to) {
  const { width } = movedPlot.over.getBoundingClientRect();
  const timeAt = (x) => min + (x / width) * (max - min);
  let perPixel = (max - min) / width;
  if (from.length > 1) {
    const spread = Math.sign(from[1] - from[0]) * Math.max(10, Math.abs(to[1] - to[0]));
    perPixel *= (from[1] - from[0]) / spread;
  }
  const [fromMiddle, toMiddle] = [from, to].map((all) => all.reduce((sum, x) => sum + x, 0) / all.length);
  const least = timeAt(fromMiddle) - toMiddle * perPixel;
  const times = movedPlot.data[0];
  const whole = times[times.length - 1] - times[0];
  // Neither so far that nothing is in view, nor further out than the whole time.
  const span = Math.min(perPixel * width, whole);
  const moved = Math.max(times[0], Math.min(least, times[times.length - 1] - span));
  if (span > 0) movedPlot.setScale('x', { min: moved, max: moved + span });
}

// ---- states ----

/** Runs of one state: from the row where a side first has it to the row where that side has another. */
function bands(rows, side, field) {
  const found = [];
  for (const [index, row] of rows.entries()) {
    const value = row[side] === undefined ? null : field.values[row[side]];
    if (value === null) continue;
    const last = found.at(-1);
    if (last?.value === value) continue;
    if (last) last.end = index;
    found.push({ value, start: index, end: rows.length - 1 });
  }
  return found;
}

/** A state has the same colour in every group and field, of the input and of what was emitted. */
function stateColoursOf(lanes) {
  const shown = new Set(lanes.flatMap(({ bands }) => bands.map(({ value }) => value)));
  return new Map(
    allStates
      .map((value, index) => [value, stateColours[index % stateColours.length]])
      .filter(([value]) => shown.has(value)),
  );
}

function statesOf(groups) {
  const fields = groups.flatMap(({ input, emitted }) => [
    ...Object.values(input.fields),
    ...Object.values(emitted.fields),
  ]);
  const values = fields.filter(({ kind }) => kind === 'state').flatMap(({ values }) => values);
  return [...new Set(values)].filter((value) => value !== null).sort();
}

function showStates(colours) {
  element('states').replaceChildren(
    ...Array.from(colours, ([value, colour]) => {
      const entry = document.createElement('span');
      const sample = document.createElement('i');
      sample.style.background = colour;
      entry.append(sample, text(value));
      return entry;
    }),
  );
}

/** The bands of one side fill the chart; those of both share it, the input's above. */
function drawLanes({ ctx, bbox, valToPos }, lanes, colours, seconds) {
  const gap = 6 * devicePixelRatio;
  const height = (bbox.height - gap * (lanes.length - 1)) / lanes.length;
  ctx.save();
  for (const [place, { side, bands }] of lanes.entries()) {
    const top = bbox.top + place * (height + gap);
    ctx.globalAlpha = 0.35;
    // Each column of pixels is painted once: narrower bands would blend into a colour that no state has.
    let painted = bbox.left;
    for (const { value, start, end } of bands) {
      const left = Math.round(valToPos(seconds[start], 'x', true));
      const right = Math.max(left + 1, Math.round(valToPos(seconds[end], 'x', true)));
      const from = Math.max(left, painted);
      const to = Math.min(right, bbox.left + bbox.width);
      if (to <= from) continue;
      ctx.fillStyle = colours.get(value);
      ctx.fillRect(from, top, to - from, height);
      painted = to;
    }
    if (lanes.length === 1) continue;
    ctx.globalAlpha = 1;
    ctx.fillStyle = style('--ink');
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textBaseline = 'top';
    ctx.fillText(side, bbox.left + gap, top + gap);
  }
  ctx.restore();
}

/**
 * A triangle at the foot of the chart for each point that was emitted; none where there are so many in view that they
 * would only be a bar.
 */
function drawMarks({ ctx, bbox, valToPos }, rows, seconds) {
  const size = 5 * devicePixelRatio;
  const foot = bbox.top + bbox.height;
  const places = new Set();
  for (const [index, { emitted }] of rows.entries()) {
    if (emitted === undefined) continue;
    const x = Math.round(valToPos(seconds[index], 'x', true));
    if (x >= bbox.left && x <= bbox.left + bbox.width) places.add(x);
  }
  if (places.size * 1.6 * size > bbox.width) return;
  ctx.save();
  ctx.fillStyle = style('--emitted');
  for (const x of places) {
    ctx.beginPath();
    ctx.moveTo(x, foot - 2 * size);
    ctx.lineTo(x - size, foot);
    ctx.lineTo(x + size, foot);
    ctx.fill();
  }
  ctx.restore();
}

// ---- hover ----

function showHover({ cursor, over }, rows, input, emitted) {
  const hover = element('hover');
  const row = cursor.idx === null || cursor.idx === undefined ? undefined : rows[cursor.idx];
  hover.hidden = row === undefined || cursor.left < 0;
  if (hover.hidden) return;
  const lines = [isoOf(row.time).replace('T', ' ').replace('Z', ' UTC'), `${row.time} ns`];
  lines.push(...described('input', input, row.input), ...described('emitted', emitted, row.emitted));
  hover.textContent = lines.join('\n');
  const left = over.offsetLeft + cursor.left + 16;
  const rightmost = document.querySelector('main').clientWidth - hover.offsetWidth;
  hover.style.left = `${Math.max(0, Math.min(left, rightmost))}px`;
  hover.style.top = `${over.offsetTop + cursor.top + 16}px`;
}

function described(label, series, row) {
  if (row === undefined) return [];
  const values = Object.entries(series.fields)
    .filter(([, field]) => field.values[row] !== null)
    .map(([name, field]) => `  ${name} = ${text(field.values[row])}`);
  return [label, ...values];
}

function text(value) {
  return value === null || value === undefined ? '' : String(value);
}
