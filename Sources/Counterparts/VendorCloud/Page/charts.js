// Monitoring values as lines, drawn as SVG from the telemetry alone: no library, no picture from elsewhere.
import { t, language } from '/texts.js';
import { element, bytes, number } from '/page.js';

const space = 'http://www.w3.org/2000/svg';
const width = 420, height = 170, left = 58, right = 10, top = 8, bottom = 24;

function shape(name, attributes, text) {
  const node = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** A round number not below the value: 1, 2, 2.5 or 5 times a power of ten. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map(step => step * power).find(step => step >= value * 0.999999);
}

/** The charts that the values of an appliance make; a value that is not known here gets a plain one. */
export function plan(history) {
  const of = (name, state) => history.series.find(each => each.name === name && (each.attributes.state || '') === (state || ''));
  const charts = [], used = new Set();
  const take = series => { if (series) used.add(series); return series; };
  const cpu = take(of('system.cpu.utilization'));
  if (cpu) charts.push({ id: 'cpu', title: t('metric.cpu'), values: cpu.values.map(v => v === null ? null : v * 100), high: 100, show: v => number(v, 1) + ' %', tick: v => number(v) + ' %' });
  for (const [id, name] of [['memory', 'system.memory.usage'], ['disk', 'system.filesystem.usage']]) {
    const busy = take(of(name, 'used')), free = take(of(name, 'free'));
    if (!busy) continue;
    const all = free ? Math.max(...busy.values.map((v, i) => (v ?? 0) + (free.values[i] ?? 0))) : undefined;
    charts.push({ id, title: t('metric.' + id), values: busy.values, high: all, show: v => all ? `${bytes(v)} / ${bytes(all)}` : bytes(v), tick: bytes });
  }
  for (const [id, name, high] of [['calls', 'pbx.calls.active'], ['registrations', 'pbx.registrations'], ['mos', 'pbx.media.mos', 5]]) {
    const series = take(of(name));
    const digits = id === 'mos' ? 2 : 0;
    if (series) charts.push({ id, title: t('metric.' + id), values: series.values, high, whole: id !== 'mos', show: v => number(v, digits), tick: v => number(v, digits) });
  }
  take(of('system.uptime'));  // said, not drawn: a straight line
  for (const series of history.series) {
    if (used.has(series)) continue;
    const name = [series.name, ...Object.values(series.attributes)].join(' ');
    charts.push({ id: name, title: t('metric.other', { name }), values: series.values, show: v => `${number(v, 3)} ${series.unit}`, tick: v => number(v, 3) });
  }
  return charts;
}

/** How long it has been running; undefined when it does not say. */
export function uptime(history) {
  return history.series.find(each => each.name === 'system.uptime')?.values.findLast(value => value !== null);
}

/** One chart of the last `hours` before `now` (milliseconds). Where no report came for a while, the line is broken. */
export function draw(chart, times, hours, now) {
  const begin = now - hours * 3_600_000;
  const points = times.map((time, index) => ({ time, value: chart.values[index] }))
    .filter(point => point.value !== null && point.value !== undefined && point.time >= begin);
  const figure = element('figure', null, 'card');
  figure.dataset.chart = chart.id;
  figure.dataset.points = points.length;
  const caption = element('figcaption', chart.title), reading = element('output');
  caption.append(reading);
  figure.append(caption);
  if (!points.length) { reading.textContent = t('none'); return figure; }
  const values = points.map(point => point.value), last = values[values.length - 1];
  reading.textContent = chart.show(last);
  let high = chart.high || roundUp(Math.max(...values));
  if (chart.whole) high = Math.max(4, roundUp(Math.max(...values)));
  const x = time => left + (time - begin) / (now - begin) * (width - left - right);
  const y = value => height - bottom - Math.min(1, Math.max(0, value / high)) * (height - top - bottom);
  const summary = t('charts.summary', { title: chart.title, now: chart.show(last), low: chart.show(Math.min(...values)), high: chart.show(Math.max(...values)), period: hours < 1 ? `${hours * 60} min` : `${hours} h` });
  const svg = shape('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': summary });
  svg.append(shape('title', {}, summary));
  for (let step = 0; step <= 4; step += 1) {
    const value = high * step / 4, level = y(value);
    svg.append(shape('line', { class: 'grid', x1: left, x2: width - right, y1: level, y2: level }));
    if (step % 2 === 0) svg.append(shape('text', { x: left - 6, y: level + 4, 'text-anchor': 'end' }, chart.tick(value)));
  }
  for (let step = 0; step <= 4; step += 2) {
    const time = begin + (now - begin) * step / 4;
    const label = new Date(time).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });
    svg.append(shape('text', { x: x(time), y: height - 8, 'text-anchor': step === 0 ? 'start' : step === 4 ? 'end' : 'middle' }, label));
  }
  for (const run of runs(points)) {
    const line = run.map(point => `${x(point.time).toFixed(1)},${y(point.value).toFixed(1)}`);
    if (run.length === 1) {
      svg.append(shape('circle', { class: 'dot', cx: x(run[0].time), cy: y(run[0].value), r: 2.5 }));
      continue;
    }
    const floor = height - bottom, ends = `${x(run[run.length - 1].time).toFixed(1)},${floor} ${x(run[0].time).toFixed(1)},${floor}`;
    svg.append(shape('polygon', { class: 'area', points: line.join(' ') + ' ' + ends }), shape('polyline', { class: 'line', points: line.join(' ') }));
  }
  figure.append(svg);
  return figure;
}

function runs(points) {
  const found = [];
  for (const point of points) {
    const run = found[found.length - 1];
    if (run && point.time - run[run.length - 1].time <= 180_000) run.push(point); else found.push([point]);
  }
  return found;
}
