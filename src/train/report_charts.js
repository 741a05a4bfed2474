"use strict";
// Elements, numbers and charts: what report_details.js and report.js, which follow in the same script, are
// made from.

const $ = (selector, within = document) => within.querySelector(selector);
const source = $("#data");
let data = JSON.parse(source.textContent);
const has_charts = typeof Chart !== "undefined";

// Told apart in both schemes, also by those who see few colours; as in the pictures of write_curves.
const colours = ["#3b82d0", "#e0862c", "#2f9e6e", "#cc5a9c", "#8a6fd1", "#c9a21b", "#d9534f", "#4db6c6"];
const dark = matchMedia("(prefers-color-scheme: dark)");
const style_of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const state = {
  axis: null,
  logarithmic: null,  // until someone chooses
  smooth: true,
  kind: "weights",
  hidden: new Set(),  // names of runs
  which: 0,           // the run whose details are shown
  moment: null,       // the number of the histogram; null for the last one
  zoom: {},           // {min, max} by group of charts
};

// ---- numbers and elements -------------------------------------------------------------------------------------------

const there = (v) => v !== null && v !== undefined;
function short(v) {
  if (!there(v)) return "–";
  const size = Math.abs(v);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return v.toExponential(2).replace(/\.?0+e/, "e");
  return Number.isInteger(v) ? v.toLocaleString("en") : String(Number(v.toPrecision(4)));
}
const percent = (v) => there(v) ? `${(100 * v).toFixed(2)} %` : "–";
function duration(seconds) {
  if (!there(seconds)) return "–";
  if (seconds < 120) return `${Number(seconds.toPrecision(3))} s`;
  const whole = Math.round(seconds), minutes = Math.round(seconds / 60);
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
const mebibytes = (bytes) => there(bytes) ? `${short(Number((bytes / 1048576).toPrecision(3)))} MiB` : "–";
const sentence = (name) => {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};
const last = (list) => list && list.length ? list[list.length - 1] : undefined;

// All text goes through text nodes and properties: names are never markup.
function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "style")
      for (const [name, v] of Object.entries(value)) node.style.setProperty(name, v);
    else if (key in node)
      node[key] = value;
    else
      node.setAttribute(key, value);
  }
  node.append(...children.filter(there));
  return node;
}
const swatch = (colour) => el("span", {className: "swatch", style: {background: colour}});
const term = (name, value, className = "") => el("div", {className}, el("dt", {}, name), el("dd", {}, value));
function table(heads, rows, foot) {
  const row = (tag, cells) =>
      el("tr", {}, ...cells.map((c, i) => el(tag, {className: heads[i].number ? "number" : ""}, c)));
  return el(
      "table", {}, el("thead", {}, row("th", heads.map((h) => h.name))),
      el("tbody", {}, ...rows.map((r) => row("td", r))), foot ? el("tfoot", {}, row("td", foot)) : null);
}
const colour_of = (run) => colours[run % colours.length];
const values = (run, name) => run.results[name] ? run.results[name].value : undefined;
const best = (list, better) => list && list.filter(there).length ? better(...list.filter(there)) : undefined;

const shown = new Map();
// Whether this part of the page has something else to show than before. What stays as it is keeps focus and selection.
function changed(part, ...what) {
  const now = JSON.stringify(what), same = shown.get(part) === now;
  shown.set(part, now);
  return !same;
}

// ---- charts ---------------------------------------------------------------------------------------------------------

const charts = new Map();  // by name

if (has_charts) {
  Chart.defaults.animation = false;
  Chart.defaults.font.family = "system-ui, sans-serif";
  Chart.defaults.maintainAspectRatio = false;
  Chart.defaults.plugins.legend.display = false;

  // Of every line the point nearest across; of many lines those nearest to the pointer.
  Chart.Interaction.modes.each = (chart, event) => {
    const found = [];
    chart.getSortedVisibleDatasetMetas().forEach((meta) => {
      if (chart.data.datasets[meta.index].quiet) return;
      let nearest = null;
      meta.data.forEach((element, index) => {
        if (element.skip) return;
        const away = Math.abs(element.x - event.x);
        if (!nearest || away < nearest.away) nearest = {away, element, index, datasetIndex: meta.index};
      });
      if (nearest) found.push(nearest);
    });
    const closest = Math.min(...found.map((f) => f.away));
    return found.filter((f) => f.away <= closest + 12)
        .sort((a, b) => Math.abs(a.element.y - event.y) - Math.abs(b.element.y - event.y))
        .slice(0, 8)
        .sort((a, b) => a.element.y - b.element.y);
  };

  Chart.register({
    id: "pointer",
    afterDatasetsDraw(chart) {
      const {ctx, chartArea: area} = chart;
      const active = chart.getActiveElements();
      ctx.save();
      if (active.length) {
        ctx.strokeStyle = style_of("--quiet");
        ctx.setLineDash([3, 3]);
        ctx.beginPath();
        ctx.moveTo(active[0].element.x, area.top);
        ctx.lineTo(active[0].element.x, area.bottom);
        ctx.stroke();
      }
      if (chart.drag) {
        const [from, to] = chart.drag.map((x) => Math.min(Math.max(x, area.left), area.right));
        ctx.fillStyle = style_of("--accent");
        ctx.globalAlpha = 0.2;
        ctx.fillRect(Math.min(from, to), area.top, Math.abs(to - from), area.bottom - area.top);
      }
      ctx.restore();
    },
  });
}

function axis(more) {
  const line = style_of("--line"), quiet = style_of("--quiet");
  return {
    grid: {color: line, borderColor: line, drawTicks: false},  // the border as Chart.js 3 has it, and as 4 has it
    border: {color: line},
    ...more,
    title: {display: !!more.name, text: more.name, color: quiet},
    ticks: {color: quiet, padding: 6, maxRotation: 0, autoSkipPadding: 16, ...more.ticks}
  };
}

// Some `count` round numbers of a range, `least` or more apart.
function round_numbers(min, max, count, least = 0) {
  const rough = Math.max((max - min) / count, least), power = 10 ** Math.floor(Math.log10(rough)), values = [];
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough * 0.999);
  for (let k = Math.ceil(min / step); k * step <= max; ++k) values.push(Number((k * step).toPrecision(9)));
  return values;
}

function whole_ticks(axis) {
  if (axis.max > axis.min)
    axis.ticks = round_numbers(axis.min, axis.max, axis.max < 1000 ? 10 : 6, 1).map((value) => ({value}));
}

// Round numbers, or 1, 2 and 5 times the powers of ten, or these alone where there are many.
function logarithmic_ticks(axis) {
  const {min, max} = axis;
  if (!(min > 0 && max > min)) return;
  let values = max < 10 * min ? round_numbers(min, max, 6) : [];
  if (!values.length)
    for (let k = Math.floor(Math.log10(min)); 10 ** k <= max; ++k)
      values.push(...(max < 1000 * min ? [1, 2, 5] : [1]).map((m) => Number(`${m}e${k}`)));
  axis.ticks = values.filter((v) => v >= min && v <= max).map((value) => ({value}));
}

function dataset_of(line) {
  const few = line.points.length <= 40 || line.dots, radius = line.points.length === 1 ? 4 : 2;
  return {
    label: line.label,
    data: line.points,
    quiet: line.quiet,
    borderColor: line.colour + (line.faint ? "50" : ""),
    backgroundColor: line.colour,
    pointBackgroundColor: line.dots ? style_of("--card") : line.colour,
    borderWidth: line.width || 2,
    borderDash: line.dashed ? [5, 4] : [],
    pointRadius: few && !line.quiet ? radius : 0,
    pointHoverRadius: line.quiet ? 0 : 4,
    pointHitRadius: 0,
    cubicInterpolationMode: "monotone",
  };
}

// lines: [{label, colour, points: [{x, y}], dashed, width, faint, dots, quiet}]; a quiet one is not pointed at
function lines_chart(name, host, options) {
  const datasets = options.lines.map(dataset_of);
  const write = options.write || short, zoom = state.zoom[options.group] || {};
  // Of numbers that are all equal an axis would be drawn from one below to one above them.
  const values = options.lines.flatMap((line) => line.points.map((p) => p.y).filter(there));
  const flat = !options.logarithmic && values.length && values.every((v) => v === values[0]), level = Math.abs(values[0]) || 0.5;
  const settings = {
    parsing: false,
    animation: false,
    interaction: {mode: "each", intersect: false},
    scales: {
      x: axis({
        type: "linear",
        bounds: "data",
        suggestedMin: options.across === "step" ? 0 : undefined,
        min: zoom.min,
        max: zoom.max,
        name: options.across,
        afterBuildTicks: whole_ticks,
        ticks: {callback: short}
      }),
      y: axis({
        type: options.logarithmic ? "logarithmic" : "linear",
        bounds: options.logarithmic ? "data" : "ticks",
        suggestedMin: flat ? Math.min(0, 2 * values[0]) : undefined,
        suggestedMax: flat ? (values[0] < 0 ? 0 : Math.min(2 * level, options.most || Infinity)) : undefined,
        afterBuildTicks: options.logarithmic ? logarithmic_ticks : undefined,
        ticks: {callback: options.logarithmic ? short : options.tick || write}
      }),
    },
    plugins: {
      tooltip: {
        backgroundColor: style_of("--ink"),
        titleColor: style_of("--card"),
        bodyColor: style_of("--card"),
        padding: 9,
        cornerRadius: 6,
        boxPadding: 4,
        usePointStyle: true,
        callbacks: {
          title: (items) => items.length ? `${options.across} ${short(items[0].parsed.x)}` : "",
          label: (item) => ` ${item.dataset.label}: ${write(item.parsed.y)}`,
          labelColor: ({dataset: {backgroundColor: c}}) => ({borderColor: c, backgroundColor: c}),
          labelPointStyle: () => ({pointStyle: "rectRounded", rotation: 0}),
        },
      }
    },
  };
  show_chart(name, host, options, {type: "line", data: {datasets}, options: settings});
}

function show_chart(name, host, options, configuration) {
  const known = charts.get(name);
  if (known && known.host === host) {
    known.seen = true;
    known.options = options;
    known.title.title = options.title;
    known.title.replaceChildren(options.title, " ", el("small", {}, options.note || ""));
    known.reset.hidden = !state.zoom[options.group];
    known.configuration = configuration;
    if (known.chart) {
      known.chart.data = configuration.data;
      known.chart.options = configuration.options;
      known.chart.update("none");
    }
    return;
  }
  const title = el("span", {title: options.title}, options.title, " ", el("small", {}, options.note || ""));
  const reset = el("button", {type: "button", hidden: true, onclick: () => zoom_to(options.group)}, "show all");
  const canvas = el("canvas", {tabIndex: 0, role: "img", "aria-label": `${options.title}, a chart`});
  const figure = el("figure", {}, el("figcaption", {}, title, reset), el("div", {className: "canvas"}, canvas));
  figure.dataset.chart = name;
  const entry = {host, figure, canvas, title, reset, configuration, options, seen: true, chart: null};
  charts.set(name, entry);
  host.append(figure);
  if (options.group) listen(entry);
  when_near.observe(figure);
}

// A chart is made when it comes near to what is to be seen: a hundred small ones need not be drawn to open the page.
const when_near = new IntersectionObserver((seen) => {
  for (const {target, isIntersecting} of seen) {
    const entry = charts.get(target.dataset.chart);
    if (!isIntersecting || !entry || entry.chart) continue;
    entry.chart = new Chart(entry.canvas, entry.configuration);
    when_near.unobserve(target);
  }
}, {rootMargin: "300px"});

function drop_unseen(host) {
  for (const [name, entry] of charts)
    if (entry.host === host) {
      if (entry.seen) {
        entry.seen = false;
        continue;
      }
      if (entry.chart) entry.chart.destroy();
      entry.figure.remove();
      charts.delete(name);
    }
}

function zoom_to(group, range) {
  if (range)
    state.zoom[group] = range;
  else
    delete state.zoom[group];
  for (const entry of charts.values()) {
    if (entry.options.group !== group) continue;
    const x = entry.configuration.options.scales.x;
    [x.min, x.max] = range ? [range.min, range.max] : [undefined, undefined];
    entry.reset.hidden = !range;
    if (entry.chart) {
      Object.assign(entry.chart.options.scales.x, {min: x.min, max: x.max});
      entry.chart.update("none");
    }
  }
}

// The range in which these values are at these places, moved into all that there is; undefined where that is all of it.
function pinched(chart, values, places) {
  const {left, right} = chart.scales.x, all = chart.data.datasets.flatMap((set) => set.data.map((p) => p.x));
  const low = all.reduce((a, b) => Math.min(a, b), chart.options.scales.x.suggestedMin ?? Infinity);
  const high = all.reduce((a, b) => Math.max(a, b), low);
  const slope = (values[1] - values[0]) / (places[1] - places[0]), width = (right - left) * slope;
  if (width >= high - low) return undefined;
  const min = Math.min(Math.max(values[0] + (left - places[0]) * slope, low), high - width);
  return {min, max: min + width};
}

// Drag, pinch, double click and keys.
function listen(entry) {
  const {canvas} = entry, group = () => entry.options.group;
  const at = (event) => event.clientX - canvas.getBoundingClientRect().left;
  const down = new Map();  // where mouse or fingers are, by their numbers
  let held = null;         // places of two fingers, and the values that they keep under them
  // Fingers that are near to each other, or pass, take hold anew.
  const hold = () => {
    const places = [...down.values()], two = places.length === 2 && Math.abs(places[1] - places[0]) >= 20;
    held = two ? {places, values: places.map((place) => entry.chart.scales.x.getValueForPixel(place))} : null;
  };
  const pinch = () => {
    const [a, b] = down.values();
    if (!held || (b - a) * (held.places[1] - held.places[0]) < 400) return hold();
    zoom_to(group(), pinched(entry.chart, held.values, [a, b]));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !entry.chart) return;
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    entry.chart.drag = down.size === 1 ? [at(event), at(event)] : null;
    if (down.size > 1) entry.chart.draw();
    hold();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!entry.chart || !down.has(event.pointerId)) return;
    down.set(event.pointerId, at(event));
    if (down.size === 2) return pinch();
    if (!entry.chart.drag) return;
    entry.chart.drag[1] = at(event);
    entry.chart.draw();
  });
  const end = (event) => {
    down.delete(event.pointerId);
    held = null;
    if (!entry.chart || !entry.chart.drag) return;
    const [from, to] = entry.chart.drag.sort((a, b) => a - b), x = entry.chart.scales.x;
    entry.chart.drag = null;
    if (event.type === "pointerup" && to - from > 8)
      zoom_to(group(), {min: Math.max(x.getValueForPixel(from), x.min), max: Math.min(x.getValueForPixel(to), x.max)});
    else
      entry.chart.draw();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("dblclick", () => zoom_to(group()));
  canvas.addEventListener("blur", () => point_at(entry, null));
  canvas.addEventListener("keydown", (event) => {
    const {chart} = entry;
    if (!chart || event.ctrlKey || event.metaKey || event.altKey) return;
    const x = chart.scales.x, places = [
      ...new Set(chart.data.datasets.flatMap(
          (set) => set.quiet ? [] : set.data.filter((p) => there(p.y) && p.x >= x.min && p.x <= x.max).map((p) => p.x)))
    ];
    places.sort((a, b) => a - b);
    const here = there(entry.place) ? places.findIndex((p) => p >= entry.place) : -1;
    const scale = (factor) => {
      const middle = there(entry.place) ? entry.place : (x.min + x.max) / 2, half = (x.max - x.min) / 2 * factor;
      return {min: middle - half, max: middle + half};
    };
    const move = {
      ArrowRight: here + 1,
      ArrowLeft: here < 0 ? places.length - 1 : here - 1,
      Home: 0,
      End: places.length - 1
    }[event.key];
    if (there(move))
      point_at(entry, places[Math.min(Math.max(move, 0), places.length - 1)]);
    else if (event.key === "+" || event.key === "=")
      zoom_to(group(), scale(0.5));
    else if (event.key === "-")
      state.zoom[group()] && zoom_to(group(), scale(2));
    else if (event.key === "0" || event.key === "Escape")
      zoom_to(group());
    else
      return;
    event.preventDefault();
  });
}

// Shows the values at this place, as a pointer there would, and speaks them.
function point_at(entry, place) {
  entry.place = place;
  const {chart} = entry;
  if (!chart) return;
  let active = [], position = {x: 0, y: 0};
  if (there(place)) {
    position = {x: chart.scales.x.getPixelForValue(place), y: (chart.chartArea.top + chart.chartArea.bottom) / 2};
    active = Chart.Interaction.modes.each(chart, position).map(({datasetIndex, index}) => ({datasetIndex, index}));
  }
  chart.setActiveElements(active);
  chart.tooltip.setActiveElements(active, position);
  chart.update("none");
  $("#spoken").textContent =
      active.length ? [chart.tooltip.title, ...chart.tooltip.body.map((b) => b.lines)].join(", ") : "";
}
