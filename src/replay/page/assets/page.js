// The page's script: plain browser JavaScript, run after the plotting library and the data.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const element = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The palette of Okabe and Ito without black: distinct for colour-blind readers, on light and dark.
const stateColours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#f0e442'];

const states = collectStates(data.groups);

let plot;

showHead();
fill(
  element('group'),
  data.groups.map(({ name }) => name),
  (name) => (name === '' ? '(not grouped)' : name),
);
element('group').addEventListener('change', chooseGroup);
element('input-field').addEventListener('change', redraw);
element('emitted-field').addEventListener('change', redraw);
element('whole').addEventListener('click', showAll);
window.addEventListener('resize', () => plot?.setSize(plotSize()));
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
if (data.groups.length > 0) chooseGroup();
else element('chart').textContent = 'No point was read, and none was emitted.';

function showHead() {
  element('title').textContent = data.title;
  element('udf').textContent = data.udf;
  element('options').textContent = data.options;
  element('counts').textContent = data.counts.join(', ');
  // Times ascend in each series. Compared as BigInt, since strings would sort wrongly.
  const ends = data.groups.flatMap(({ input, emitted }) =>
    [input.times, emitted.times].flatMap((times) => (times.length > 0 ? [times[0], times.at(-1)] : [])),
  );
  if (ends.length === 0) return;
  const times = ends.map((time) => BigInt(time)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const [from, to] = [times[0], times.at(-1)].map((time) => toIso(time).replace('T', ' ').slice(0, 19));
  const sameDay = from.slice(0, 10) === to.slice(0, 10);
  element('dates').textContent = `${from} to ${sameDay ? to.slice(11) : to} UTC`;
}

/** Formats nanoseconds as ISO 8601, to the millisecond. */
function toIso(time) {
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

/** Field names, with constant fields last. */
function varyingFirst(fields) {
  const names = Object.keys(fields);
  const varies = (name) => fields[name].values.some((value) => value !== fields[name].values[0]);
  return [...names.filter(varies), ...names.filter((name) => !varies(name))];
}

/** Names, with the preferred ones first. */
function preferredFirst(preferred, names) {
  return [...new Set([...preferred.filter((name) => names.includes(name)), ...names])];
}

/** Lists emitted fields: those named by options, then numbers added by the UDF, then the others. */
function chooseGroup() {
  const { input, emitted } = currentGroup();
  const inputs = varyingFirst(input.fields);
  const ownNames = Object.keys(emitted.fields).filter((name) => !inputs.includes(name));
  const shared = inputs.filter((name) => name in emitted.fields);
  const ownNumbers = ownNames.filter((name) => emitted.fields[name].kind === 'number');
  const emittedNames = [...ownNumbers, ...shared, ...ownNames.filter((name) => !ownNumbers.includes(name))];
  fill(element('input-field'), preferredFirst(data.inputFields, inputs));
  fill(element('emitted-field'), preferredFirst(data.emittedFields, emittedNames));
  draw();
}

/** Merges both series by time: rows with a time in nanoseconds and the index of each series that has it. */
function joinSeries(input, emitted) {
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

/** Draws again with the same time range, after a change of colours or fields. */
function redraw() {
  if (!plot) return;
  const { min, max } = plot.scales.x;
  draw();
  plot.setScale('x', { min, max });
}

function draw() {
  const { input, emitted } = currentGroup();
  const inputField = input.fields[element('input-field').value];
  const emittedField = emitted.fields[element('emitted-field').value];
  const rows = joinSeries(input, emitted);
  const at = (field, row) => (row === undefined || !field ? null : field.values[row]);
  const number = (field, row) => {
    const value = field?.kind === 'number' ? at(field, row) : null;
    // NaN and infinities are gaps on the chart; only the hover shows them.
    return value === null || !Number.isFinite(Number(value)) ? null : Number(value);
  };
  const seconds = rows.map(({ time }) => Number(time / 1000n) / 1e6);
  const inputs = rows.map(({ input }) => number(inputField, input));
  const emittedNumbers = rows.map(({ emitted }) => number(emittedField, emitted));
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
            return row === undefined ? '' : toIso(row.time).replace('T', ' ').replace('Z', ' UTC');
          },
        },
        {
          label: `${element('input-field').value || 'input'} (input)`,
          stroke: style('--line'),
          width: 1.25,
          spanGaps: true,
          value: (_plot, _value, _series, index) => text(at(inputField, rows[index ?? -1]?.input)),
        },
        {
          label: `${element('emitted-field').value || 'none'} (emitted)`,
          stroke: style('--second'),
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
    [seconds, inputs, emittedNumbers],
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

/** An axis without ticks, which keeps the layout if there are only states. */
function bareAxis() {
  return { values: () => [], grid: { show: false }, ticks: { show: false } };
}

/** Formats ticks as 24-hour times, as dates if a day or more apart, and with milliseconds if below a second. */
function timesOfDay(_plot, splits, _axis, _space, step) {
  return splits.map((time) => {
    const iso = new Date(time * 1000).toISOString();
    if (step >= 86400) return iso.slice(0, 10);
    return iso.slice(11, step >= 60 ? 16 : step >= 1 ? 19 : 23);
  });
}

/** The visible dates, with the time zone. */
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

/** Range with a margin; 0 to 1 without numbers. */
function rangeOfNumbers(_plot, min, max) {
  if (min === null || max === null) return [0, 1];
  const margin = (max - min) * 0.05 || Math.abs(max) * 0.05 || 1;
  return [min - margin, max + margin];
}

function showAll() {
  const [times] = plot.data;
  plot.setScale('x', { min: times[0], max: times[times.length - 1] });
}

// ---- touch ----

/** Max movement of a tap, and max time between the taps of a double tap. */
const maxTapPixels = 8;
const maxDoubleTapMs = 300;

/** One finger pans, two zoom, a tap shows values, a double tap resets the zoom. */
function addTouch(touchedPlot) {
  const { over } = touchedPlot;
  const fingers = new Map();
  let start;
  let lastTap = -Infinity;

  /** Starts a gesture at the current positions of the fingers and the current scale. */
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
    if (start.isTap && Math.abs(to[0] - from[0]) <= maxTapPixels) return;
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
    const isDouble = event.timeStamp - lastTap < maxDoubleTapMs;
    lastTap = isDouble ? -Infinity : event.timeStamp;
    if (isDouble) showAll();
    else touchedPlot.setCursor({ left: start.places[0].x, top: start.places[0].y });
  });
  over.addEventListener('pointercancel', (event) => {
    fingers.delete(event.pointerId);
    if (fingers.size > 0) begin();
  });
  // Browsers emulate mouse events after a tap, which the chart would handle as a drag or double click.
  over.addEventListener('touchend', (event) => event.cancelable && event.preventDefault(), {
    passive: false,
  });
}

/** Pans and zooms so that each finger stays on the time where it started. */
function moveScale(movedPlot, { min, max }, from, to) {
  const { width } = movedPlot.over.getBoundingClientRect();
  const timeAt = (x) => min + (x / width) * (max - min);
  let perPixel = (max - min) / width;
  if (from.length > 1) {
    const spread = Math.sign(from[1] - from[0]) * Math.max(10, Math.abs(to[1] - to[0]));
    perPixel *= (from[1] - from[0]) / spread;
  }
  const [fromMiddle, toMiddle] = [from, to].map((all) => all.reduce((sum, x) => sum + x, 0) / all.length);
  const newMin = timeAt(fromMiddle) - toMiddle * perPixel;
  const times = movedPlot.data[0];
  const whole = times[times.length - 1] - times[0];
  // Clamp to the range of the data.
  const span = Math.min(perPixel * width, whole);
  const moved = Math.max(times[0], Math.min(newMin, times[times.length - 1] - span));
  if (span > 0) movedPlot.setScale('x', { min: moved, max: moved + span });
}

// ---- states ----

/** Runs of equal states of one side, each up to the row of the next state. */
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

/** Colours by state, the same in every group and field. */
function stateColoursOf(lanes) {
  const shown = new Set(lanes.flatMap(({ bands }) => bands.map(({ value }) => value)));
  return new Map(
    states
      .map((value, index) => [value, stateColours[index % stateColours.length]])
      .filter(([value]) => shown.has(value)),
  );
}

function collectStates(groups) {
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

/** Draws the bands of one side over the full height, or of both in halves, input above. */
function drawLanes({ ctx, bbox, valToPos }, lanes, colours, seconds) {
  const gap = 6 * devicePixelRatio;
  const height = (bbox.height - gap * (lanes.length - 1)) / lanes.length;
  ctx.save();
  for (const [place, { side, bands }] of lanes.entries()) {
    const top = bbox.top + place * (height + gap);
    ctx.globalAlpha = 0.35;
    // Paint each pixel column once: overlapping translucent bands would blend into other colours.
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
 * Marks each emitted point with a triangle at the bottom of the chart, unless there are so many in view that they would
 * merge into a bar.
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
  ctx.fillStyle = style('--second');
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
  const lines = [toIso(row.time).replace('T', ' ').replace('Z', ' UTC'), `${row.time} ns`];
  lines.push(
    ...describeSeries('input', input, row.input),
    ...describeSeries('emitted', emitted, row.emitted),
  );
  hover.textContent = lines.join('\n');
  const left = over.offsetLeft + cursor.left + 16;
  const rightmost = document.querySelector('main').clientWidth - hover.offsetWidth;
  hover.style.left = `${Math.max(0, Math.min(left, rightmost))}px`;
  hover.style.top = `${over.offsetTop + cursor.top + 16}px`;
}

function describeSeries(label, series, row) {
  if (row === undefined) return [];
  const values = Object.entries(series.fields)
    .filter(([, field]) => field.values[row] !== null)
    .map(([name, field]) => `  ${name} = ${text(field.values[row])}`);
  return [label, ...values];
}

function text(value) {
  return value === null || value === undefined ? '' : String(value);
}
