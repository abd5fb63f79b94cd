"use strict";
// Builds the report from the data beside it. Text comes in by textContent alone; pictures of numbers are Plot's.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const main = document.getElementById("report");
  const sections = [];
  const redraws = [];
  const colors = Array.from({length: 8}, (_, i) => `var(--c${i})`);

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== null) element.setAttribute(key, value);
    }
    for (const child of children) {
      if (child !== null && child !== undefined) element.append(child);
    }
    return element;
  }

  function section(id, title, about) {
    const grid = make("div", {class: "grid"});
    const s = make("section", {id, "aria-labelledby": id + "-title"}, make("h2", {id: id + "-title"}, title),
                   about ? make("p", {class: "quiet"}, about) : null, grid);
    sections.push([id, title]);
    main.append(s);
    return grid;
  }

  const shown = v => v === null || v === undefined ? "—"
    : v !== 0 && (Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3) ? v.toExponential(3) : String(+v.toPrecision(5));

  // Ticks like 10⁻³ read well at powers of ten; elsewhere numbers.
  const axisNumber = v => {
    const size = Math.abs(v);
    return size !== 0 && (size >= 1e5 || size < 1e-3) ? v.toExponential().replace("+", "") : String(+v.toPrecision(6));
  };

  function table(head, rows) {
    const t = make("table", {}, make("thead", {}, make("tr", {}, ...head.map(h => make("th", {scope: "col"}, h)))));
    t.append(make("tbody", {}, ...rows.map(r => make("tr", {}, ...r.map(v => make("td", {}, typeof v === "string" ? v : shown(v)))))));
    return make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "numbers"}, t);
  }

  // Made when it is opened.
  function numbers(head, rows, label = "Numbers") {
    const d = make("details", {}, make("summary", {}, label));
    d.addEventListener("toggle", () => {
      if (d.open && d.children.length === 1) d.append(table(head, rows()));
    });
    return d;
  }

  // A card whose picture is drawn for its width, again when that changes.
  function card(grid, title, draw, {wide = false, controls = [], key = null, below = null, least = 0} = {}) {
    const chart = make("div", {class: "chart"});
    if (least > 0) {
      chart.classList.add("scroll");
      chart.setAttribute("tabindex", "0");
      chart.setAttribute("role", "region");
      chart.setAttribute("aria-label", title);
    }
    grid.append(make("figure", {class: wide ? "card wide" : "card"}, make("h3", {}, title),
                     controls.length ? make("div", {class: "controls"}, ...controls) : null, key, chart, below));
    let last = 0;
    const redraw = force => {
      const width = Math.max(least, Math.floor(chart.clientWidth || 300));
      if (!force && width === last) return;
      last = width;
      const picture = draw(width);
      const svgs = picture.tagName === "svg" ? [picture] : [...picture.querySelectorAll("svg")];
      const drawn = svgs[svgs.length - 1];
      if (drawn) {
        drawn.setAttribute("role", "img");
        drawn.setAttribute("aria-label", title);
      }
      chart.replaceChildren(picture);
    };
    redraws.push(redraw);
    return () => redraw(true);
  }

  function key(names, dashed = () => false, color = i => colors[i % 8]) {
    return make("ul", {class: "key"}, ...names.map((name, i) => {
      const line = make("span", {class: dashed(name) ? "dashed" : null, style: `border-color:${color(i)}`});
      return make("li", {}, line, name);
    }));
  }

  function checkbox(label, on, change) {
    const box = make("input", {type: "checkbox"});
    box.checked = on;
    box.addEventListener("change", () => change(box.checked));
    return make("label", {}, box, label);
  }

  function slider(label, change) {
    const bar = make("input", {type: "range", min: 0, max: 0.98, step: 0.02, value: 0});
    bar.addEventListener("input", () => change(Number(bar.value)));
    return make("label", {}, label, bar);
  }

  // A moving average that begins without a bias; a gap stays a gap.
  function smoothed(values, share) {
    let sum = 0, weight = 0;
    return values.map(v => {
      if (v === null) return null;
      sum = share * sum + (1 - share) * v;
      weight = share * weight + (1 - share);
      return sum / weight;
    });
  }

  const finite = v => v !== null && v !== undefined;

  // Curves {name, x, y} in one picture, with a scale of powers of ten and smoothing.
  function curves(grid, title, list, {x = "epoch", log = false, band = null, rule = null, smooth = true} = {}) {
    list = list.filter(c => c.y.some(finite));
    if (!list.length) return;
    const positive = list.some(c => c.y.some(v => finite(v) && v > 0));
    const state = {log: log && positive, share: 0};
    const dashed = name => /validation|test/.test(name);
    const draw = width => {
      const marks = [];
      if (band && (!state.log || band[0] > 0)) marks.push(Plot.ruleY(band, {stroke: "currentColor", strokeOpacity: .45, strokeDasharray: "2 4"}));
      if (rule) marks.push(Plot.ruleY([rule], {stroke: "currentColor", strokeOpacity: .6}));
      list.forEach((c, i) => {
        const y = state.share ? smoothed(c.y, state.share) : c.y;
        const rows = c.x.map((v, k) => ({x: v, y: finite(y[k]) && (!state.log || y[k] > 0) ? y[k] : NaN, name: c.name}));
        const stroke = colors[i % 8];
        if (state.share) {
          marks.push(Plot.line(c.x.map((v, k) => ({x: v, y: finite(c.y[k]) && (!state.log || c.y[k] > 0) ? c.y[k] : NaN})),
                               {x: "x", y: "y", stroke, strokeOpacity: .25}));
        }
        marks.push(Plot.line(rows, {x: "x", y: "y", stroke, strokeWidth: 2, strokeDasharray: dashed(c.name) ? "6 3" : null}));
        if (c.x.length < 40) marks.push(Plot.dot(rows, {x: "x", y: "y", fill: stroke, r: 2.5}));
        marks.push(Plot.tip(rows, Plot.pointer({x: "x", y: "y", title: d => `${d.name}\n${x} ${d.x}: ${shown(d.y)}`})));
      });
      return Plot.plot({width, height: Math.round(Math.min(340, Math.max(200, width * .55))), marginLeft: 58, marginRight: 12,
                        x: {label: x, ticks: Math.max(2, Math.min(8, width / 80)), tickFormat: v => Number.isInteger(v) ? String(v) : ""},
                        y: {label: null, grid: true, type: state.log ? "log" : "linear", tickFormat: axisNumber, ticks: 5, nice: true}, marks});
    };
    const controls = [];
    if (positive) controls.push(checkbox("log scale", state.log, on => { state.log = on; again(); }));
    if (smooth && list.some(c => c.x.length > 8)) controls.push(slider("smoothing", share => { state.share = share; again(); }));
    const below = numbers([x, ...list.map(c => c.name)], () => {
      const all = [...new Set(list.flatMap(c => c.x))].sort((a, b) => a - b);
      const places = list.map(c => new Map(c.x.map((v, i) => [v, c.y[i]])));
      const stride = Math.ceil(all.length / 200);
      return all.filter((_, i) => i % stride === 0 || i === all.length - 1).map(v => [v, ...places.map(p => p.get(v))]);
    });
    const again = card(grid, title, draw, {controls, below, key: key(list.map(c => c.name), dashed)});
  }

  // Powers of ten within, at most five; of less than two decades the ends and what lies between.
  function decades([low, high]) {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    if (last - first < 1) return [low, Math.sqrt(low * high), high].map(v => Number(v.toPrecision(2)));
    const stride = Math.ceil((last - first + 1) / 5);
    return Array.from({length: Math.floor((last - first) / stride) + 1}, (_, i) => 10 ** (first + i * stride));
  }

  // Rows by steps as colors: a picture of a table.
  function heat(grid, title, names, steps, columns, {log = true, scheme = "viridis", label = "", symmetric = false} = {}) {
    const values = columns.flatMap((c, i) => c.map((v, k) => ({name: i, step: k, v})));
    const good = values.filter(d => finite(d.v) && (!log || d.v > 0)).map(d => d.v);
    if (!good.length) return;
    const low = Math.min(...good), high = Math.max(...good);
    const far = Math.max(Math.abs(low), Math.abs(high)) || 1;
    const domain = symmetric ? [-far, far] : low < high ? [low, high] : log ? [low / 2, low * 2] : [low - .5, low + .5];
    const short = name => name.length > 22 ? name.slice(0, 10) + "…" + name.slice(-11) : name;
    const margin = Math.min(150, 16 + 6.6 * Math.max(...names.map(n => short(n).length)));
    const draw = width => Plot.plot({
      width, height: 84 + Math.max(3, names.length) * Math.max(12, Math.min(26, 420 / names.length)), marginLeft: margin, marginBottom: 40,
      x: {type: "band", label: "step", tickFormat: k => String(steps[k]), padding: 0,
          ticks: steps.map((_, k) => k).filter(k => k % Math.max(1, Math.ceil(steps.length / Math.max(2, (width - margin) / 70))) === 0)},
      y: {type: "band", label: null, tickFormat: i => short(names[i]), padding: .04, domain: names.map((_, i) => i)},
      color: {type: log ? "log" : "linear", scheme, domain, legend: true, label, width: Math.min(300, width - 20), marginLeft: 24, marginRight: 24, tickFormat: axisNumber, ticks: log ? decades(domain) : 4},
      marks: [
        Plot.cell(values, {x: "step", y: "name", fill: d => finite(d.v) && (!log || d.v > 0) ? d.v : NaN}),
        Plot.tip(values, Plot.pointer({x: "step", y: "name", title: d => `${names[d.name]}\nstep ${steps[d.step]}: ${shown(d.v)}`})),
      ],
    });
    const last = steps.length - 1, some = [...new Set([0, Math.floor(last / 4), Math.floor(last / 2), Math.floor(3 * last / 4), last])];
    card(grid, title, draw, {wide: steps.length > 30,
      below: numbers(["layer", ...some.map(k => "step " + steps[k])], () => names.map((n, i) => [n, ...some.map(k => columns[i][k])]))});
  }

  // --- the parts, in the order of the page ---

  function findings(d) {
    const grid = section("findings", "Findings");
    if (!d.findings.length) {
      grid.append(make("div", {class: "card wide healthy"}, d.passed.length ? `Nothing found: ${d.passed.length} checks were made.` : "Nothing found."));
    }
    const list = make("div", {class: "wide"});
    for (const f of d.findings) {
      const details = make("dl");
      for (const [name, text] of [["where", f.where], ["measured", f.measured], ["expected", f.expected], ["try", f.remedy],
                                  ["step", f.step === undefined ? "" : String(f.step)], ["samples", f.samples || ""]]) {
        if (text) details.append(make("dt", {}, name), make("dd", {}, text));
      }
      list.append(make("article", {class: `card finding ${f.severity}`},
                       make("h3", {}, make("span", {class: "badge"}, f.severity), f.title || f.check), details));
    }
    if (d.findings.length) grid.append(list);
    if (d.passed.length + d.skipped.length) {
      const more = make("details", {class: "wide"}, make("summary", {}, `${d.passed.length} checks passed, ${d.skipped.length} could not be made`));
      more.append(make("p", {}, d.passed.join(", ")));
      for (const s of d.skipped) more.append(make("p", {}, `${s.check}: ${s.reason}`));
      grid.append(more);
    }
  }

  const base = name => name.replace(/^(train|validation|test) /, "");

  function grouped(list) {
    const groups = new Map();
    for (const c of list) {
      if (!groups.has(base(c.name))) groups.set(base(c.name), []);
      groups.get(base(c.name)).push(c);
    }
    return groups;
  }

  function gaps(groups) {
    const list = [];
    for (const [name, members] of groups) {
      const train = members.find(c => c.name === "train " + name);
      const other = members.find(c => c.name === "validation " + name) || members.find(c => c.name === "test " + name);
      if (!train || !other) continue;
      const at = new Map(train.x.map((v, i) => [v, train.y[i]]));
      list.push({name, part: other.name.split(" ")[0], x: other.x, y: other.x.map((v, i) => finite(other.y[i]) && finite(at.get(v)) ? other.y[i] - at.get(v) : null)});
    }
    return list;
  }

  function learning(history) {
    const grid = section("curves", "Learning curves");
    const groups = grouped(history);
    for (const [name, members] of groups) {
      curves(grid, name, members, {log: name === "learning rate"});
    }
    for (const g of gaps(groups)) curves(grid, `gap of ${g.name}: ${g.part} − training`, [g]);
  }

  function compared(runs) {
    const grid = section("runs", "Runs side by side");
    const names = [...new Set(runs.flatMap(r => r.curves.map(c => c.name)))];
    const last = c => { for (let i = c.y.length - 1; i >= 0; --i) if (finite(c.y[i])) return c.y[i]; return null; };
    const rows = () => runs.map(r => [r.name, ...names.map(n => { const c = r.curves.find(c => c.name === n); return c ? last(c) : null; })]);
    grid.append(make("div", {class: "card wide"}, make("h3", {}, "At the end"), table(["run", ...names], rows())));
    for (const n of names) {
      curves(grid, n, runs.flatMap(r => r.curves.filter(c => c.name === n).map(c => ({...c, name: r.name}))), {log: n === "learning rate"});
    }
  }

  function watched(r) {
    if (r.losses.x.length || r.rates.x.length) {
      const grid = section("steps", "Step by step", "What was measured at every step; of long runs the least and the largest number of each stretch.");
      curves(grid, "loss of each batch", [r.losses], {x: "step"});
      curves(grid, "learning rate of each step", [r.rates], {x: "step", log: true, smooth: false});
    }
    if (r.parameters.length) {
      const grid = section("updates", "Updates of the parameters",
        "The size of an update over the size of what it updates. About 0.001 is usual: far above, the learning rate is too high, far below too low.");
      const names = r.parameters.map(p => p.name), ratio = r.parameters.map(p => p.ratio);
      if (names.length <= 8) {
        curves(grid, "update : weight", r.parameters.map(p => ({name: p.name, x: r.steps, y: p.ratio})), {x: "step", log: true, band: [1e-4, 1e-2], rule: 1e-3});
        curves(grid, "norm of the gradient", r.parameters.map(p => ({name: p.name, x: r.steps, y: p.gradient})), {x: "step", log: true});
      } else {
        heat(grid, "update : weight", names, r.steps, ratio, {label: "ratio"});
        heat(grid, "norm of the gradient", names, r.steps, r.parameters.map(p => p.gradient), {label: "norm"});
      }
    }
    if (r.layers.length) {
      const grid = section("layers", "Layers", "From the first layer (top) to the last. Rows that fade from layer to layer are activations or gradients that vanish, rows that glow ones that explode.");
      const name = l => l.operation && !l.name.endsWith(l.operation) ? `${l.name} ${l.operation}` : l.name;
      const part = (title, field, options) => {
        const some = r.layers.filter(l => l[field].some(finite));
        heat(grid, title, some.map(name), r.steps, some.map(l => l[field]), options);
      };
      part("variance of the activations", "variance", {label: "variance"});
      part("variance of the gradients", "gradient", {label: "variance"});
      part("mean of the activations", "mean", {log: false, scheme: "RdBu", label: "mean", symmetric: true});
      part("dead units", "dead", {log: false, scheme: "Reds", label: "share that is 0 for the whole batch"});
      part("saturated outputs", "saturated", {log: false, scheme: "Reds", label: "share"});
    }
  }

  function histograms(list) {
    const grid = section("histograms", "Histograms");
    for (const h of list) {
      const step = (h.high - h.low) / h.counts.length || 1;
      const bins = h.counts.map((n, i) => ({n, from: h.low + i * step, to: h.low + (i + 1) * step}));
      const title = h.name + (h.lost ? `: ${h.lost} numbers are not finite` : "");
      card(grid, title, width => Plot.plot({
        width, height: 200, marginLeft: 58, x: {label: null, ticks: Math.max(2, width / 90), tickFormat: axisNumber}, y: {label: "count", grid: true, ticks: 4},
        marks: [
          Plot.rectY(bins, {x1: "from", x2: "to", y: "n", fill: "var(--c0)"}),
          Plot.ruleY([0]),
          Plot.tip(bins, Plot.pointerX({x1: "from", x2: "to", y: "n", title: b => `${shown(b.from)} to ${shown(b.to)}: ${b.n}`})),
        ]}), {below: numbers(["from", "to", "count"], () => bins.map(b => [b.from, b.to, b.n]))});
    }
  }

  function image(picture, alt, width) {
    return make("img", {src: picture.src, alt, width: width || picture.width, loading: "eager"});
  }

  function pictures(list) {
    const grid = section("pictures", "Pictures");
    for (const p of list) {
      grid.append(make("figure", {class: "card picture"}, make("h3", {}, p.caption), image(p.picture, p.caption)));
    }
  }

  function mistakes(c, worst, calibration) {
    const grid = section("mistakes", "Mistakes");
    if (c && c.rows.length) confusion(grid, c);
    if (c && c.worst.length) {
      grid.append(make("div", {class: "card"}, make("h3", {}, "Most frequent mistakes"), table(["true class", "predicted", "samples"], c.worst)));
    }
    if (calibration && calibration.length) calibrated(grid, calibration);
    if (worst && worst.length) {
      grid.append(make("div", {class: "card wide"}, make("h3", {}, "Wrong with the largest loss"),
        make("div", {class: "images worst"}, ...worst.map(w => make("figure", {},
          w.picture ? image(w.picture, `${w.truth}, taken for ${w.predicted}`, 96) : null,
          make("figcaption", {}, make("strong", {}, w.truth), ` taken for ${w.predicted}, loss ${shown(w.loss)}`))))));
    }
  }

  function confusion(grid, c) {
    const n = c.names.length;
    const cells = c.rows.flatMap((row, i) => {
      const all = row.reduce((a, b) => a + b, 0);
      return row.map((count, j) => ({i, j, count, share: all ? count / all : 0}));
    });
    const short = i => c.names[i].length > 12 ? c.names[i].slice(0, 11) + "…" : c.names[i];
    const longest = Math.max(...c.names.map((_, i) => short(i).length));
    card(grid, "confusion: true class by row, predicted by column", width => {
      const left = 34 + 6.5 * longest, side = Math.max(14, Math.min(48, (width - left - 10) / n));
      return Plot.plot({
        width: left + side * n + 10, height: 68 + 6 * longest + side * n, marginLeft: left, marginTop: 34, marginBottom: 34 + 6 * longest, marginRight: 10,
        x: {type: "band", domain: c.names.map((_, i) => i), tickFormat: short, label: "predicted", tickRotate: longest > 3 ? -45 : 0, labelAnchor: "right", labelOffset: 32 + 6 * longest},
        y: {type: "band", domain: c.names.map((_, i) => i), tickFormat: short, label: "true"},
        color: {type: "sqrt", scheme: "Blues", domain: [0, 1]},
        marks: [
          Plot.cell(cells, {x: "j", y: "i", fill: "share", inset: .5}),
          side >= 22 ? Plot.text(cells, {x: "j", y: "i", text: d => d.count || "", fill: d => d.share > .3 ? "white" : "black", fontSize: Math.min(12, side / 2.6)}) : null,
          Plot.tip(cells, Plot.pointer({x: "j", y: "i", title: d => `${c.names[d.i]} taken for ${c.names[d.j]}\n${d.count} samples, ${(100 * d.share).toFixed(1)} %`})),
        ]});
    }, {least: n > 12 ? 60 + 16 * n : 0, below: numbers(["true", ...c.names], () => c.rows.map((r, i) => [c.names[i], ...r]))});
  }

  function calibrated(grid, bins) {
    const all = bins.reduce((s, b) => s + b[2], 0);
    const error = bins.reduce((s, b) => s + b[2] / all * Math.abs(b[0] - b[1]), 0);
    card(grid, `calibration: expected error ${shown(error)}`, width => Plot.plot({
      width, height: Math.min(340, width * .8), marginLeft: 50, x: {domain: [0, 1], label: "confidence"}, y: {domain: [0, 1], label: "share that is right", grid: true},
      marks: [
        Plot.line([[0, 0], [1, 1]], {stroke: "currentColor", strokeOpacity: .5, strokeDasharray: "3 3"}),
        Plot.line(bins, {x: b => b[0], y: b => b[1], stroke: "var(--c0)", strokeWidth: 2}),
        Plot.dot(bins, {x: b => b[0], y: b => b[1], r: b => b[2], fill: "var(--c0)", fillOpacity: .6, stroke: "var(--c0)"}),
        Plot.tip(bins, Plot.pointer({x: b => b[0], y: b => b[1], title: b => `${b[2]} predictions\nconfidence ${shown(b[0])}, right ${shown(b[1])}`})),
      ], r: {range: [2, 12]}}),
      {below: numbers(["confidence", "right", "predictions"], () => bins)});
  }

  function planes(list) {
    const grid = section("planes", "In two dimensions");
    for (const p of list) {
      const [left, right, bottom, top] = p.window;
      const labels = [...new Set(p.points.map(q => q[2]))].sort((a, b) => a - b);
      const names = p.paths.length ? p.paths.map(q => q.name) : labels.map(l => "class " + l);
      const fills = i => p.paths.length ? colors[i % 8] : ["#e69f00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#5a5a5a"][labels[i] % 8];
      card(grid, p.title, width => {
        const marks = [];
        if (p.background) {
          marks.push(Plot.image([p], {src: p.background.src, x: (left + right) / 2, y: (bottom + top) / 2, preserveAspectRatio: "none",
                                      width: width - 60, height: (width - 60) * (top - bottom) / (right - left)}));
        }
        if (p.values.length) {
          const least = Math.min(...p.values.filter(finite));
          const lift = p.values.map(v => finite(v) ? Math.log1p(v - least) : NaN);
          marks.push(Plot.contour(lift, {width: p.width, height: p.height, x1: left, y1: bottom, x2: right, y2: top, fill: d => d, thresholds: 14, stroke: "var(--rule)", strokeWidth: .4}));
        }
        if (p.points.length) marks.push(Plot.dot(p.points, {x: q => q[0], y: q => q[1], fill: q => fills(labels.indexOf(q[2])), stroke: "black", strokeWidth: .8, r: 3, symbol: q => q[2], clip: true}));
        p.paths.forEach((q, i) => {
          const line = q.x.map((x, k) => ({x, y: q.y[k], k}));
          marks.push(Plot.line(line, {x: "x", y: "y", stroke: "white", strokeWidth: 4, strokeOpacity: .6, clip: true}));
          marks.push(Plot.line(line, {x: "x", y: "y", stroke: colors[i % 8], strokeWidth: 2, marker: line.length < 80 ? "dot" : "none", clip: true}));
          marks.push(Plot.tip(line, Plot.pointer({x: "x", y: "y", title: d => `${q.name}\nstep ${d.k}: ${shown(d.x)}, ${shown(d.y)}`})));
        });
        return Plot.plot({width, height: (width - 60) * (top - bottom) / (right - left) + 50, marginLeft: 50, marginRight: 10, marginTop: 20, marginBottom: 30,
                          x: {domain: [left, right], label: null}, y: {domain: [bottom, top], label: null},
                          color: {type: "linear", scheme: "Greys", domain: undefined}, marks});
      }, {key: names.length ? key(names, () => false, fills) : null});
    }
  }

  function tape(g) {
    const grid = section("graph", "The tape", "Operations in the order of computation, parameters with a frame of dashes; arrows go from an input to what uses it." +
      (g.left_out ? ` ${g.left_out} earlier operations are left out.` : ""));
    const layout = new dagre.graphlib.Graph();
    layout.setGraph({rankdir: "TB", nodesep: 14, ranksep: 26, marginx: 8, marginy: 8});
    layout.setDefaultEdgeLabel(() => ({}));
    const text = ([name, shape]) => [name.length > 26 ? name.slice(0, 12) + "…" + name.slice(-13) : name, shape];
    g.entries.forEach((e, i) => {
      const lines = text(e);
      layout.setNode(String(i), {width: 20 + 7 * Math.max(...lines.map(t => t.length)), height: 36});
    });
    for (const [from, to] of g.edges) layout.setEdge(String(from), String(to));
    dagre.layout(layout);
    const nodes = g.entries.map((e, i) => ({...layout.node(String(i)), lines: text(e), operation: e[2]}));
    const lines = layout.edges().flatMap((e, k) => layout.edge(e).points.map(p => ({...p, k})));
    const size = layout.graph();
    const ends = layout.edges().map(e => { const p = layout.edge(e).points; return {a: p[p.length - 2], b: p[p.length - 1]}; });
    card(grid, `${g.entries.length} entries`, () => Plot.plot({
      width: size.width, height: size.height, margin: 0, x: {domain: [0, size.width], axis: null}, y: {domain: [size.height, 0], axis: null},
      marks: [
        Plot.line(lines, {x: "x", y: "y", z: "k", stroke: "var(--quiet)", curve: "basis"}),
        Plot.arrow(ends, {x1: d => d.a.x, y1: d => d.a.y, x2: d => d.b.x, y2: d => d.b.y, stroke: "var(--quiet)", strokeWidth: 1, headLength: 7}),
        Plot.rect(nodes, {x1: d => d.x - d.width / 2, x2: d => d.x + d.width / 2, y1: d => d.y - 18, y2: d => d.y + 18, rx: 5, fill: "var(--card)", stroke: "none"}),
        Plot.rect(nodes.filter(d => d.operation), {x1: d => d.x - d.width / 2, x2: d => d.x + d.width / 2, y1: d => d.y - 18, y2: d => d.y + 18, rx: 5, stroke: "var(--c0)", fill: "none"}),
        Plot.rect(nodes.filter(d => !d.operation), {x1: d => d.x - d.width / 2, x2: d => d.x + d.width / 2, y1: d => d.y - 18, y2: d => d.y + 18, rx: 5, stroke: "var(--c1)", strokeDasharray: "4 3", fill: "none"}),
        Plot.text(nodes, {x: "x", y: "y", dy: -7, text: d => d.lines[0], fontSize: 12, fill: "var(--ink)"}),
        Plot.text(nodes, {x: "x", y: "y", dy: 8, text: d => d.lines[1], fontSize: 11, fill: "var(--quiet)"}),
      ]}), {wide: true, least: 1, below: numbers(["from", "to"], () => g.edges.map(([a, b]) => [g.entries[a][0], g.entries[b][0]]), "Edges")});
  }

  main.append(make("header", {}, make("h1", {}, data.title), data.about ? make("p", {class: "quiet"}, data.about) : null));
  const nav = make("nav", {"aria-label": "Parts of the report"});
  main.append(nav);
  if (data.headline) {
    main.append(make("dl", {class: "figures"}, ...data.headline.map(([n, v]) => make("div", {}, make("dt", {}, n), make("dd", {}, shown(v))))));
  }
  if (data.diagnosis) findings(data.diagnosis);
  if (data.history.length) learning(data.history);
  if (data.runs) compared(data.runs);
  if (data.planes) planes(data.planes);
  if (data.record) watched(data.record);
  if (data.confusion || data.worst || data.calibration) mistakes(data.confusion, data.worst, data.calibration);
  if (data.pictures) pictures(data.pictures);
  if (data.histograms) histograms(data.histograms);
  if (data.graph) tape(data.graph);
  if (data.pictures_left_out) main.append(make("p", {class: "quiet"}, `${data.pictures_left_out} pictures are left out: beyond 1 MB, or the library was built without libpng.`));
  nav.append(make("ul", {}, ...sections.map(([id, title]) => make("li", {}, make("a", {href: "#" + id}, title)))));
  for (const redraw of redraws) redraw(true);
  let timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => redraws.forEach(redraw => redraw(false)), 100);
  });
  document.documentElement.dataset.ready = "yes";
})();
