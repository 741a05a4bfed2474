// Shows what the element #data holds; where that says so, asks for newer data every other second.

// ---- runs -----------------------------------------------------------------------------------------------------------

function state_of(run) {
  const done = run.results.loss ? last(run.results.loss.epoch) + 1 : 0;
  const count = (n) => `${n} ${n === 1 ? "epoch" : "epochs"}`;
  const epochs = run.epochs ? `${done} of ${count(run.epochs)}` : done ? count(done) : "";
  if (run.end === "done")
    return epochs && done === run.epochs ? `done, ${count(done)}` : `done${epochs && ", " + epochs}`;
  return [run.end || (source.dataset.live === "live" ? "running" : "not ended"), epochs].filter(Boolean).join(", ");
}

function show_runs() {
  const many = data.runs.length > 1;
  const title = many ? `${data.runs.length} trainings` : data.runs[0].name;
  $("#title").textContent = title;
  document.title = `${title} – Cairn`;
  const focused = document.activeElement.id;
  $("#runs").replaceChildren(...data.runs.map((run, r) => {
    const started = run.about.started && `Started ${run.about.started.replace("T", " ").replace("Z", " UTC")}`;
    let name = el("span", {className: "quiet"}, started || "Run");
    if (many) {
      const shows = el("input", {type: "checkbox", id: `run-${r}`, checked: !state.hidden.has(run.name)});
      shows.addEventListener("change", () => {
        state.hidden[shows.checked ? "delete" : "add"](run.name);
        show_curves();
      });
      name = el("label", {}, has_charts ? shows : null, swatch(colour_of(r)), run.name);
    }
    const seconds = values(run, "seconds"), speed = last(values(run, "samples_per_second"));
    const figures = [
      ["test accuracy", there(run.test.accuracy) && percent(run.test.accuracy), "main"],
      ["test loss", there(run.test.loss) && short(run.test.loss), there(run.test.accuracy) ? "" : "main"],
      ["best validation accuracy", percent(best(values(run, "validation accuracy"), Math.max))],
      ["least validation loss", short(best(values(run, "validation loss"), Math.min))],
      ["last training loss", short(last(values(run, "loss")))],
      ["parameters", run.about.model && short(run.about.model.parameters)],
      ["training time", seconds && duration(seconds.filter(there).reduce((a, b) => a + b, 0))],
      ["samples per second", there(speed) && short(Math.round(speed))],
      ["peak memory", mebibytes(best(values(run, "peak_memory"), Math.max))],
    ].filter(([, value]) => value && value !== "–");
    return el(
        "article", {className: "card"}, el("h2", {}, name, el("span", {className: "state quiet"}, state_of(run))),
        el("dl", {className: "figures"}, ...figures.map(([n, value, c]) => term(n, value, c || ""))));
  }));
  if (focused.startsWith("run-")) document.getElementById(focused).focus();
}

// ---- curves ---------------------------------------------------------------------------------------------------------

function points(series, axis_name) {
  const x = axis_name === "epoch" ? series.epoch.map((e) => e + 1) : series.step;
  return x.map((v, i) => ({x: v, y: series.value[i]}));
}

// What the curve charts show: the training numbers of one name and the validation's.
function curve_names() {
  const names = ["loss", "accuracy", "lr", "grad_norm"];
  for (const run of data.runs)
    for (const name of Object.keys(run.results))
      if (name.startsWith("validation ") && !names.includes(name.slice(11))) names.push(name.slice(11));
  return names;
}

function lines_of(name) {
  const by_step = state.axis === "step", lines = [];
  data.runs.forEach((run, r) => {
    if (state.hidden.has(run.name)) return;
    const colour = colour_of(r), training = by_step && run.steps[name] || run.results[name];
    const validation = run.results[`validation ${name}`];
    const label = (part) => [data.runs.length > 1 ? run.name : "", part].filter(Boolean).join(", ") || name;
    if (training) {
      const list = points(training, training.epoch ? state.axis : "step");
      const noisy = by_step && state.smooth && training.mean && name !== "lr";
      const part = validation ? "training" : data.runs.length > 1 ? "" : sentence(name).toLowerCase();
      if (noisy) lines.push({label: label(part), colour, points: points(training.mean, "step"), quiet: true});
      const width = noisy ? 1 : by_step ? 1.25 : 2;
      lines.push({label: label(part), colour, points: list, faint: noisy, dashed: !by_step && validation, width});
    }
    if (validation) {
      const list = points(validation, state.axis);
      lines.push({label: label("validation"), colour, points: list, dots: by_step && list.length <= 100});
    }
  });
  return lines;
}

// Whether lines are above 0 and span more than a factor of twenty.
function spans(lines) {
  const all = lines.flatMap((line) => line.points.map((p) => p.y).filter(there));
  const least = all.reduce((a, b) => Math.min(a, b), Infinity), greatest = all.reduce((a, b) => Math.max(a, b), 0);
  return least > 0 && greatest > 20 * least;
}

const titles = {
  lr: "Learning rate",
  grad_norm: "Norm of the gradient"
};

function show_curves() {
  const names = curve_names(), host = $("#curves .charts");
  const has_steps = data.runs.some((run) => Object.keys(run.steps).length),
        has_epochs = data.runs.some((run) => Object.keys(run.results).length);
  $("#curves").hidden = !(has_steps || has_epochs || data.picture);
  if (!has_charts) {
    $("#curves .controls").hidden = $("#curves .hint").hidden = true;
    host.replaceChildren(
        el("p", {className: "note"},
           "The charts of this page need Chart.js, which was not there when Cairn was configured. " +
               "Install it (Debian: libjs-chart.js), configure and build again."),
        data.picture ? el("img", {
          className: "picture",
          alt: "loss and accuracy over the epochs",
          src: "data:image/svg+xml," + encodeURIComponent(data.picture)
        }) :
                       null);
    return show_numbers(names);
  }
  if (state.axis === null || (state.axis === "step" ? !has_steps : !has_epochs))
    state.axis =
        has_epochs && data.runs.some((run) => run.results.loss && run.results.loss.value.length > 1) || !has_steps ?
        "epoch" :
        "step";
  $("#axis").hidden = !(has_steps && has_epochs);
  $(`#axis [value=${state.axis}]`).checked = true;
  $("#smooth-switch").hidden = state.axis !== "step";
  const logarithmic = state.logarithmic ?? spans(lines_of("loss"));
  $("#logarithmic").checked = logarithmic;
  $("#curves .key").hidden = !data.runs.some((run) => run.results["validation loss"]);
  $("#curves .key").classList.toggle("by-step", state.axis === "step");
  for (const name of names) {
    const lines = lines_of(name);
    if (!lines.length) continue;
    const share = name.endsWith("accuracy");
    lines_chart(`curve ${name}`, host, {
      title: titles[name] || sentence(name),
      group: "curves",
      across: state.axis,
      lines,
      write: share ? percent : short,
      most: share ? 1 : undefined,
      tick: share ? (v) => `${short(Math.round(1e4 * v) / 100)} %` : short,
      logarithmic: name === "loss" ? logarithmic : name === "grad_norm" && spans(lines)
    });
  }
  drop_unseen(host);
  show_numbers(names);
}

function show_numbers(names) {
  const details = $("#numbers"), host = $(".scroll", details);
  details.hidden = !data.runs.some((run) => run.results.loss);
  if (!details.open) return;
  const columns = names.flatMap((n) => [n, `validation ${n}`])
                      .concat("seconds", "samples_per_second")
                      .filter((n) => data.runs.some((run) => run.results[n]));
  const heads = [
    ...(data.runs.length > 1 ? [{name: "run"}] : []), {name: "epoch", number: true},
    ...columns.map((c) => ({name: (c === "lr" ? "learning rate" : c).replaceAll("_", " "), number: true}))
  ];
  const rows = data.runs.flatMap((run) => {
    const places =
        columns.map((c) => run.results[c] && new Map(run.results[c].epoch.map((e, i) => [e, run.results[c].value[i]])));
    return (run.results.loss ? run.results.loss.epoch : [])
        .map(
            (e) =>
                [...(data.runs.length > 1 ? [run.name] : []), String(e + 1),
                 ...columns.map((c, i) => (c.endsWith("accuracy") ? percent : short)(places[i] && places[i].get(e)))]);
  });
  host.replaceChildren(table(heads, rows));
}

// ---- all of it ------------------------------------------------------------------------------------------------------

function show() {
  state.which = Math.min(state.which, data.runs.length - 1);
  show_runs();
  show_curves();
  show_details();
}

for (const input of document.querySelectorAll("#axis input"))
  input.addEventListener("change", () => {
    state.axis = input.value;
    delete state.zoom.curves;
    show_curves();
  });
for (const input of document.querySelectorAll("#kind input"))
  input.addEventListener("change", () => {
    state.kind = input.value;
    show_histograms(data.runs[state.which]);
  });
$("#logarithmic").addEventListener("change", (event) => {
  state.logarithmic = event.target.checked;
  show_curves();
});
$("#smooth").addEventListener("change", (event) => {
  state.smooth = event.target.checked;
  show_curves();
});
$("#numbers").addEventListener("toggle", () => show_numbers(curve_names()));
$("#which").addEventListener("change", (event) => {
  state.which = Number(event.target.value);
  state.moment = null;
  delete state.zoom.layers;
  show_details();
});
$("#moment").addEventListener("input", (event) => {
  const at = Number(event.target.value);
  state.moment = at === Number(event.target.max) ? null : at;
  show_histograms(data.runs[state.which]);
});
dark.addEventListener("change", show);

if (source.dataset.live === "live") {
  let version = "";
  const news = (text) => {
    if ($("#news").textContent !== text) $("#news").textContent = text;
  };
  const ask = async () => {
    if (document.visibilityState === "visible") {
      try {
        const reply = await fetch("data", {headers: version ? {"If-None-Match": version} : {}, cache: "no-store"});
        if (reply.status === 200) {
          version = reply.headers.get("ETag") || "";
          data = await reply.json();
          show();
        } else if (reply.status !== 304)
          throw new Error(await reply.text());
        const ended = data.runs.length > 1 ? "these trainings have ended" : "the training has ended";
        news(data.runs.every((run) => run.end) ? `Live; ${ended}` : "Live");
      } catch (error) {
        news(
            error instanceof TypeError ? "The program that serves this page has ended" :
                                         `This cannot be read: ${error.message}`);
      }
    }
    setTimeout(ask, 2000);
  };
  ask();
}
show();
document.documentElement.dataset.ready = "yes";
