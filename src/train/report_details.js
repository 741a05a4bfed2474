// What a report tells of one run beside its curves.

function show_details() {
  const run = data.runs[state.which];
  $("#chooser").hidden = data.runs.length < 2;
  if (changed("chooser", state.which, data.runs.map((r) => r.name)))
    $("#which").replaceChildren(
        ...data.runs.map((r, i) => el("option", {value: String(i), selected: i === state.which}, r.name)));
  show_test(run);
  show_layers(run);
  show_histograms(run);
  show_model(run);
  show_reproduce(run);
}

function show_test(run) {
  if (!changed("test", run.confusion, run.mistakes)) return;
  $("#test").hidden = !(run.confusion || run.mistakes);
  $("#confusion").hidden = !run.confusion;
  $("#mistakes").hidden = !run.mistakes;
  if (run.confusion)
    $("#confusion")
        .replaceChildren(
            el("h3", {}, "Confusion ", el("small", {className: "quiet"}, "rows: labels, columns: predictions")),
            ...confusion_of(run.confusion));
  if (run.mistakes)
    $("#mistakes")
        .replaceChildren(
            el("h3", {}, "Most mistaken"),
            el("ul", {},
               ...run.mistakes.map(
                   ([image, label, prediction, sure]) =>
                       el("li", {title: `${label}, taken for ${prediction}`},
                          el("img", {src: address_of(image), alt: `${label}, taken for ${prediction}`, loading: "lazy"}), label,
                          " → ", el("b", {}, prediction), el("br"),
                          el("span", {className: "quiet"}, percent(sure).replace(/\.\d+ /, " "))))));
}

// The address of a picture, which is that already or "pixels c h w 00ff…", channel by channel.
function address_of(image) {
  if (!image.startsWith("pixels ")) return image;
  const [, c, h, w, digits] = image.split(" ");
  const canvas = el("canvas", {width: w, height: h}), context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, canvas.height), area = w * h;
  for (let i = 0; i < area; ++i) {
    for (let k = 0; k < 3; ++k) {
      const at = 2 * (i + (c === "3" ? k * area : 0));
      picture.data[4 * i + k] = parseInt(digits.slice(at, at + 2), 16);
    }
    picture.data[4 * i + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
  return canvas.toDataURL();
}

function confusion_of({classes, right, pairs, counts}) {
  const parts = [];
  const times = (n) => n === 1 ? "once" : `${short(n)} times`;
  if (counts) {
    const rows = counts.map((row, i) => {
      const total = row.reduce((a, b) => a + b, 0);
      return el(
          "tr", {}, el("th", {scope: "row", title: classes[i]}, classes[i]), ...row.map((n, j) => {
            const share = total ? n / total : 0;
            return el(
                "td", {
                  className: [i === j ? "right" : "", n ? "" : "none"].join(" "),
                  // The root, as one mistake in a hundred should be seen.
                  style: {"--share": String(i === j ? share : Math.min(1, 2 * Math.sqrt(share)))},
                  title: i === j ?
                      `${classes[i]}: ${short(n)} of ${short(total)} right (${percent(share)})` :
                      `${classes[i]}, taken for ${classes[j]}: ${times(n)} of ${short(total)} (${percent(share)})`
                },
                classes.length > 20 ? "" : String(n));
          }),
          el("td", {style: {"--share": "0"}, className: "quiet"},
             classes.length > 20 ? "" : percent(right[i]).replace(" ", "\u00a0")));
    });
    parts.push(
        el("div", {className: "scroll", tabIndex: 0, role: "region", "aria-label": "Confusion matrix"},
           el("table", {className: `confusion${classes.length > 20 ? " many" : ""}`},
              el("thead", {},
                 el("tr", {}, el("th", {}, ""),
                    ...classes.map((c) => el("th", {scope: "col", title: c}, classes.length > 20 ? "" : c)),
                    el("th", {}, classes.length > 20 ? "" : "right"))),
              el("tbody", {}, ...rows))));
  }
  if (pairs.length)
    parts.push(
        el("ul", {className: "pairs", "aria-label": "What is taken for what"},
           ...pairs.map(
               ([i, j, n, share]) =>
                   el("li", {}, classes[i], " → ", el("b", {}, classes[j]),
                      el("span", {className: "quiet"}, `  ${times(n)}, ${percent(share)}`)))));
  return parts;
}

const layer_colour = (i, count) =>
    `hsl(${215 - 195 * (count > 1 ? i / (count - 1) : 0)} 65% ${dark.matches ? 64 : 47}%)`;
const meter_titles = {
  dead: ["Dead units", "always 0"],
  saturated: ["Saturated", "where the slope is gone"],
  zero: ["Zeros", "of the outputs"],
  sparsity: ["Zeros", "of the outputs"],
  gradient_norm: ["Norm of the gradient", "that reaches the layer"],
  gradient_zeros: ["Zeros of the gradient", ""],
  mean: ["Mean", "of the outputs"],
  variance: ["Variance", "of the outputs"],
};

function show_layers(run) {
  const host = $("#layers .charts"), names = [];
  for (const {layers} of run.meters)
    for (const [name] of layers)
      if (!names.includes(name)) names.push(name);
  $("#layers").hidden = !names.length || !has_charts;
  if (!has_charts) return;
  for (const [key, [title, note]] of Object.entries(meter_titles)) {
    const lines = names
                      .map((name, i) => ({
                             label: name,
                             colour: layer_colour(i, names.length),
                             width: 1.5,
                             points: run.meters.flatMap(({epoch, layers}) => {
                               const found = layers.find(([n]) => n === name);
                               return found && key in found[1] ? [{x: epoch + 1, y: found[1][key]}] : [];
                             })
                           }))
                      .filter((line) => line.points.some((p) => there(p.y)));
    if (!lines.length) continue;
    const share = !["gradient_norm", "mean", "variance"].includes(key);
    lines_chart(`layers ${key}`, host, {
      title,
      note,
      group: "layers",
      across: "epoch",
      lines,
      write: share ? percent : short,
      tick: share ? (v) => `${short(Math.round(1e4 * v) / 100)} %` : short,
      logarithmic: key === "gradient_norm" && spans(lines)
    });
  }
  drop_unseen(host);
  $("#layers .legend")
      .replaceChildren(...names.map((name, i) => el("li", {}, swatch(layer_colour(i, names.length)), name)));
}

function show_histograms(run) {
  const moments = run.histograms, host = $("#histograms .charts");
  $("#histograms").hidden = !moments.length || !has_charts;
  if (!has_charts) return;
  if (moments.length) {
    const at = Math.min(state.moment ?? Infinity, moments.length - 1), now = moments[at];
    Object.assign($("#moment"), {max: moments.length - 1, value: at});
    $("#moment-epoch").textContent = String(now.epoch + 1);
    $("#moment").setAttribute("aria-valuetext", `epoch ${now.epoch + 1}`);
    for (const kind of ["weights", "activations"])
      $(`#kind [value=${kind}]`).disabled = !moments.some((m) => m[kind].length);
    if (!now[state.kind].length && moments.every((m) => !m[state.kind].length)) {
      state.kind = state.kind === "weights" ? "activations" : "weights";
      $(`#kind [value=${state.kind}]`).checked = true;
    }
    for (const histogram of now[state.kind]) {
      const named = moments.flatMap((m) => m[state.kind].filter(([n]) => n === histogram[0]));
      // One range for all epochs, so that moving through them shows how the numbers move.
      const low = Math.min(...named.map((h) => h[1])), high = Math.max(...named.map((h) => h[2]));
      histogram_chart(host, histogram, at > 0 ? named[0] : null, low, high);
    }
  }
  drop_unseen(host);
}

// A density: ranges differ from epoch to epoch, areas do not.
function density([, low, high, counts]) {
  const width = (high - low) / counts.length || 1, total = counts.reduce((a, b) => a + b, 0) || 1;
  const list = counts.map((n, i) => ({x: low + i * width, y: n / total / width, n}));
  return [{x: low, y: 0}, ...list, {x: high || low + width, y: last(list).y}, {x: high || low + width, y: 0}];
}

function histogram_chart(host, histogram, first, low, high) {
  const accent = style_of("--accent"), quiet = style_of("--quiet");
  const drawn = {pointRadius: 0, pointHitRadius: 0, stepped: "before", borderWidth: 1.25};
  const sets = [{
    ...drawn,
    stepped: true,
    data: density(histogram),
    borderColor: accent,
    backgroundColor: accent + "55",
    fill: "origin"
  }];
  if (first) sets.push({...drawn, stepped: true, data: density(first), borderColor: quiet + "99", borderWidth: 1});
  const ticks = {maxTicksLimit: 3, font: {size: 10}, callback: short};
  show_chart(`histogram ${state.kind} ${histogram[0]}`, host, {title: histogram[0]}, {
    type: "line",
    data: {datasets: sets},
    options: {
      parsing: false,
      events: [],
      scales: {
        x: axis({type: "linear", min: low, max: high > low ? high : low + 1, ticks, grid: {display: false}}),
        y: {display: false, beginAtZero: true}
      },
      plugins: {tooltip: {enabled: false}}
    }
  });
}

function show_model(run) {
  const model = run.about.model;
  if (!changed("model", model)) return;
  $("#model").hidden = !model;
  if (!model) return;
  $("#model div")
      .replaceChildren(
          model.layers.length ?
              el("div", {className: "scroll", tabIndex: 0, role: "region", "aria-label": "Layers of the model"},
                 table(
                     [{name: "layer"}, {name: "type"}, {name: "output"}, {name: "parameters", number: true}],
                     model.layers.map(([name, type, output,
                                        parameters]) => [name, type, output, parameters ? short(parameters) : ""]),
                     there(model.parameters) ? ["", "", "", short(model.parameters)] : null)) :
              el("pre", {className: "table"}, model.text));
}

// A word as a shell reads it back.
const quoted = (word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

function show_reproduce(run) {
  if (!changed("reproduce", run.about)) return;
  const {command = [], later = [], options = [], machine = [], seed, version, started} = run.about;
  const facts = [
    ...(seed ? [["seed", seed]] : []), ...options.filter(([name]) => name !== "seed" || !seed),
    ...(version ? [["cairn", version]] : []), ...machine, ...(started ? [["started", started]] : [])
  ];
  $("#reproduce").hidden = !(command.length || facts.length);
  const words = command.map(quoted).join(" "), code = el("pre", {}, words);
  const copy =
      el("button", {
        type: "button",
        onclick: async () => {
          try {
            await navigator.clipboard.writeText(words);
          } catch {  // not everywhere allowed to a file
            getSelection().selectAllChildren(code);
            document.execCommand("copy");
          }
          copy.textContent = "Copied";
          setTimeout(() => { copy.textContent = "Copy"; }, 1500);
        }
      },
         "Copy");
  $("#reproduce div")
      .replaceChildren(
          ...(command.length ? [el("div", {className: "command"}, code, copy)] : []),
          ...later.filter((c) => c.length)
              .map((c) => el("p", {className: "note"}, "Later it went on with ", el("code", {}, c.map(quoted).join(" ")))),
          el("dl", {className: "facts"}, ...facts.map(([name, value]) => term(name.replaceAll("_", " "), value))));
}
