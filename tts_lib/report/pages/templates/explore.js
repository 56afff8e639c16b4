"use strict";
// Looks up in the record what a budget buys, by the rules of tts_lib/report/explorer/lookup.py.

const REACHED = 1.01;
const INFERENCE = { v1: [1, 1], iclr: [2, 2], small_only: [2, 1] }; // FLOPs a token in 2 x parameters: small, large

function cost(record, strategy, budget, unit, prices) {
  const [generations, policy, verifier, flops, , alone] = record.costs[strategy][budget];
  if (unit === "generations") return generations;
  if (unit === "money") return (policy * prices.policy + verifier * prices.verifier) / 1e6;
  return unit === "flops" ? flops : unit === "bytes" ? alone : policy + verifier;
}

function costs(record, strategy, budget, prices) {
  const [generations, policy, verifier, flops, rounds, alone, amongMany] = record.costs[strategy][budget];
  const money = cost(record, strategy, budget, "money", prices);
  const moved = "bytes" in record.units ? { bytes_alone: alone, bytes_among_many: amongMany } : {};
  return { budget: generations, policy_tokens: policy, verifier_tokens: verifier, flops, rounds, money, ...moved };
}

function attained(record, group, unit, limit, prices) {
  const rows = [];
  for (const [name, byBudget] of Object.entries(record.attained[group])) {
    const fits = Object.keys(byBudget).map(Number)
      .filter((n) => n in record.costs[name] && cost(record, name, n, unit, prices) <= limit);
    if (!fits.length) continue;
    const budget = Math.max(...fits);
    const [accuracy, low, high] = byBudget[budget];
    rows.push({ name, strategy: record.strategies[name][0], accuracy, low, high, ...costs(record, name, budget, prices) });
  }
  return rows.sort((a, b) => b.accuracy - a.accuracy);
}

function chosen(record, group, unit, limit, prices) {
  let found = null;
  const byBudget = record.chosen[group] || {};
  for (const key of Object.keys(byBudget).map(Number).sort((a, b) => a - b)) {
    const [name, budget, share, [accuracy, low, high]] = byBudget[key];
    if (!(name in record.costs && budget in record.costs[name])) continue;
    if (cost(record, name, budget, unit, prices) > limit) continue;
    found = { name, at: budget, strategy: record.strategies[name][0], share, accuracy, low, high, ...costs(record, name, budget, prices) };
  }
  return found;
}

function exchange(record, group, r, m, accounting) {
  if (!record.large || !(group in record.exchange)) return null;
  const [small, large] = INFERENCE[accounting], g = record.large.generations;
  const k = (m * g * large + (3 * (m - 1)) / r) / small;
  const { rows, even } = record.exchange[group];
  const within = rows.filter((row) => row[0] <= REACHED * k);
  const row = within.length ? within[within.length - 1] : rows[0];
  const ratio = ([sign, value]) => {
    const rest = value * small - m * g * large;
    return sign === ">" ? 0 : m <= 1 || rest <= 0 ? Infinity : (3 * (m - 1)) / rest;
  };
  return { k, budget: row[0], small: row[1], difference: row[2], low: row[3], high: row[4],
    even: ratio(even[0]), even_low: ratio(even[2]), even_high: ratio(even[1]) };
}

function betterBuy([low, high]) { // of the two, from the interval of small minus large
  return low > 0 ? "The small model is the better buy" : high < 0 ? "The large model is the better buy" : "Which model is the better buy is open";
}

const shown = {
  share: (x) => (100 * x).toFixed(1),
  points: (x) => ((x >= 0 ? "+" : "−") + Math.abs(100 * x).toFixed(1)).replace(/^[+−](?=0\.0$)/, ""),
  count: (x) => Math.round(x).toLocaleString("en"),
  mean: (x) => x.toLocaleString("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 }),
  power(x) {
    const [digits, exponent] = x.toExponential(2).split("e");
    return `${digits}\u00a0×\u00a010${[...String(Number(exponent))].map((c) => ("-0123456789".indexOf(c) < 0 ? c : "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)])).join("")}`;
  },
  money: (x) => (x === 0 ? "0" : x.toPrecision(3)),
  ratio: (x) => (x === Infinity ? "any" : x === 0 ? "none" : x.toFixed(2)),
};
const interval = (row, write) => `${write(row.accuracy)}\u00a0[${write(row.low)},\u00a0${write(row.high)}]`;

if (typeof module !== "undefined") module.exports = { cost, attained, chosen, exchange, betterBuy, shown };
if (typeof document !== "undefined") start();

function start() {
  const record = JSON.parse(document.getElementById("record").textContent);
  const at = (id) => document.getElementById(id);
  const units = Object.fromEntries(Object.entries(record.units).map(([unit, words]) => [unit, `${words} a question`]));
  const first = { unit: "generations", budget: 64, difficulty: "all", r: 0.79, m: record.large ? Number(record.large.m.toFixed(2)) : 14,
    count: "v1", policy: 0.1, verifier: 0.1, large: record.large ? Number((0.1 * record.large.m).toFixed(2)) : 1.4 };
  let state = { ...first };
  const prices = () => ({ policy: state.policy, verifier: state.verifier, large: state.large });

  function range() { // of the budget's slider, in the unit of the moment
    const all = Object.entries(record.costs).flatMap(([name, by]) => Object.keys(by).map((n) => cost(record, name, n, state.unit, prices())));
    const some = all.filter((x) => x > 0);
    return some.length ? [Math.min(...some), Math.max(...some)] : [1, 2];
  }
  const toSlider = (value, [low, high]) => (high > low ? 1000 * Math.log(value / low) / Math.log(high / low) : 0);
  const fromSlider = (place, [low, high]) => low * Math.pow(high / low, place / 1000);
  const rounded = (x) => (state.unit === "generations" ? Math.max(1, Math.round(x)) : Number(x.toPrecision(3)));

  function read() { // the state that a link carries; what is no number or no choice stays as it was
    const given = new URLSearchParams(location.hash.slice(1));
    for (const key of Object.keys(first)) {
      if (!given.has(key)) { state[key] = first[key]; continue; }
      const value = given.get(key);
      if (typeof first[key] === "number") state[key] = Number(value) >= 0 && value !== "" && isFinite(Number(value)) ? Number(value) : first[key];
      else state[key] = value;
    }
    if (!(state.unit in units)) state.unit = first.unit;
    if (!(state.difficulty in record.groups)) state.difficulty = first.difficulty;
    if (!(state.count in INFERENCE)) state.count = first.count;
    if (!(state.m >= 1)) state.m = first.m;
    if (!(state.r > 0)) state.r = first.r;
    if (state.unit !== first.unit && !given.has("budget")) state.budget = rounded(range()[1]);
  }

  function keep() {
    const changed = Object.entries(state).filter(([key, value]) => value !== first[key] || (key === "budget" && state.unit !== first.unit));
    history.replaceState(null, "", "#" + new URLSearchParams(changed).toString());
  }

  function element(tag, text, attributes = {}) {
    const made = document.createElementNS(attributes.svg ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml", tag);
    if (text !== null) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) if (name !== "svg") made.setAttribute(name, value);
    return made;
  }

  function show() {
    const limits = range();
    for (const key of Object.keys(units)) at("unit-" + key).checked = key === state.unit;
    at("prices").hidden = state.unit !== "money";
    at("budget-unit").textContent = units[state.unit];
    at("slider").value = toSlider(Math.max(state.budget, limits[0] / 2), limits);
    for (const key of ["budget", "difficulty", "r", "m", "count", "policy", "verifier", "large"]) if (at(key) !== document.activeElement) at(key).value = state[key];
    at("slider").setAttribute("aria-valuetext", `${state.budget} ${units[state.unit]}`);
    at("r-slider").value = toSlider(state.r, [0.01, 100]);
    at("m-slider").value = toSlider(state.m, [1, 100]);
    const rows = attained(record, state.difficulty, state.unit, state.budget, prices());
    const pick = chosen(record, state.difficulty, state.unit, state.budget, prices());
    showPick(pick);
    showTable(rows, pick);
    showLarge(pick);
    showExchange();
    showChart(limits);
  }

  function showPick(pick) {
    at("pick").replaceChildren();
    if (!pick) { at("pick").append("Nothing that was measured is as cheap."); return; }
    at("pick").append(element("strong", pick.strategy, { id: "pick-strategy" }), ` with ${shown.count(pick.budget)} generations attains `,
      element("strong", interval(pick, shown.share) + "%", { id: "pick-accuracy" }), ` on ${record.groups[state.difficulty][0]} (${record.groups[state.difficulty][1]} of the test). `);
    const handedOn = state.difficulty === "all" ? "It was chosen on validation questions. " : "";
    at("pick").append(handedOn + (pick.share === null ? "" : `Of the random halves of these questions ${shown.share(pick.share)}% choose it. `));
    at("pick").append(`It costs ${shown.mean(pick.policy_tokens)} tokens of the policy and ${shown.mean(pick.verifier_tokens)} of the verifier, ${shown.power(pick.flops)} FLOPs, ${shown.mean(pick.rounds)} serial rounds` + (state.unit === "money" ? `, ${shown.money(pick.money)} of money.` : "."));
  }

  function showTable(rows, pick) {
    at("money-heading").hidden = state.unit !== "money";
    const most = Math.max(...rows.map((row) => row.high));
    at("rows").replaceChildren(...rows.map((row) => {
      const line = element("tr", null, pick && row.name === pick.name && row.budget === pick.budget ? { class: "pick" } : {});
      const bar = element("td", null, { class: "bar", "aria-hidden": "true" }), box = element("span", null), dot = element("i", null);
      box.style.left = `${100 * row.low / most}%`; box.style.width = `${100 * (row.high - row.low) / most}%`;
      dot.style.left = `${100 * row.accuracy / most}%`; dot.style.background = record.strategies[row.name][1];
      bar.append(box, dot);
      const texts = [row.strategy, interval(row, shown.share), shown.count(row.budget), shown.count(row.policy_tokens), shown.count(row.verifier_tokens), shown.power(row.flops), shown.mean(row.rounds)];
      if ("bytes" in units) texts.push(shown.power(row.bytes_alone), shown.power(row.bytes_among_many));
      if (state.unit === "money") texts.push(shown.money(row.money));
      const cells = texts.map((text, i) => element("td", text, i ? {} : { class: "words" }));
      cells.splice(2, 0, bar);
      line.append(...cells);
      return line;
    }));
  }

  function showLarge(pick) {
    const large = record.large, height = large && large.attained[state.difficulty];
    at("large-panel").hidden = !large;
    if (!large) return;
    at("large-now").replaceChildren();
    if (!height) { at("large-now").append("The large model was measured by oracle difficulty only."); return; }
    const spent = { tokens: large.tokens, flops: large.flops, money: (large.tokens * state.large) / 1e6 }[state.unit];
    const words = `${shown.share(height[0])} [${shown.share(height[1])}, ${shown.share(height[2])}]%`;
    at("large-now").append(`One answer of the ${large.words}, attains `, element("strong", words, { id: "large-accuracy" }),
      ` for ${shown.mean(large.tokens)} tokens, ${shown.power(large.flops)} FLOPs${state.unit === "money" ? `, ${shown.money(spent)} of money` : ""}. `);
    if (state.unit === "flops" || state.unit === "money") {
      at("large-now").append(!(spent <= state.budget) ? "It costs more than this budget."
        : !pick ? "The small model has no choice at this budget." : `${betterBuy([pick.low - height[2], pick.high - height[1]])} at this budget, pretraining aside.`);
    }
  }

  function showExchange() {
    const found = exchange(record, state.difficulty, state.r, state.m, state.count);
    at("exchange").replaceChildren();
    if (!found) {
      at("exchange").append(Object.keys(record.exchange).length ? "Known for all questions and bins of oracle difficulty only."
        : "Not known: the small model has no compute-optimal choice, which takes two budgets or more and answers to choose among.");
      return;
    }
    at("exchange").append("For the FLOPs of the large model, pretraining included, the small one may make ", element("strong", shown.mean(found.k), { id: "k" }),
      ` generations a question. Measured with ${shown.count(found.budget)} its compute-optimal choice attains ${shown.share(found.small)}%, `,
      element("strong", `${shown.points(found.difference)} [${shown.points(found.low)}, ${shown.points(found.high)}] points`, { id: "difference" }), ` against the large model. ${betterBuy([found.low, found.high])} at this R. `);
    const ends = `[${shown.ratio(found.even_low)}, ${shown.ratio(found.even_high)}]`;
    const within = found.even > 0 && found.even < Infinity;
    const said = within ? "The small model is as accurate up to R = " : found.even === 0
      ? "At no R of this grid is the small model as accurate; interval of the R where they are even: "
      : "At every R the small model is as accurate; interval of the R where they are even: ";
    at("exchange").append(said, element("strong", within ? `${shown.ratio(found.even)} ${ends}` : ends, { id: "even" }), ".");
    if (Math.abs(state.m - record.large.m) > 0.01) at("exchange").append(" For another M than the study's the large model is taken to be as accurate as this one.");
  }

  function showChart(limits) {
    const wide = Math.max(320, Math.min(640, at("chart").clientWidth)), high = 300, left = 42, base = 262, svg = { svg: true };
    const x = (value) => left + (wide - left - 10) * toSlider(value, limits) / 1000;
    const by = record.attained[state.difficulty];
    const top = Math.min(1, 0.02 + Math.max(0.1, ...Object.values(by).flatMap((b) => Object.values(b).map((v) => v[0])), (record.large && record.large.attained[state.difficulty] || [0])[0]));
    const y = (value) => base - (base - 12) * value / top;
    const drawn = element("svg", null, { ...svg, viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": "Accuracy of each strategy against the budget; the numbers stand in the table" });
    const step = [0.01, 0.02, 0.05, 0.1, 0.2].find((size) => top / size <= 5) || 0.2;
    for (let value = 0; value <= top; value += step) {
      drawn.append(element("line", null, { ...svg, x1: left, x2: wide - 10, y1: y(value), y2: y(value), class: "grid" }), element("text", `${Math.round(100 * value)}%`, { ...svg, x: left - 4, y: y(value) + 4, "text-anchor": "end" }));
    }
    const doublings = [...Array(40).keys()].map((i) => 2 ** i).filter((n) => n >= limits[0] && n <= limits[1]);
    const ticks = state.unit === "generations" ? doublings.filter((_, i) => wide > 500 || i % 2 === 0) : [0, 1, 2, 3].map((i) => fromSlider(i * 1000 / 3, limits));
    ticks.forEach((value, i) => drawn.append(element("text", value >= 1e5 ? shown.power(value) : value < 1 ? shown.money(value) : shown.count(value),
      { ...svg, x: x(value), y: base + 16, "text-anchor": i === 0 ? "start" : i === ticks.length - 1 ? "end" : "middle" })));
    drawn.append(element("text", units[state.unit], { ...svg, x: (left + wide) / 2, y: base + 34, "text-anchor": "middle" }));
    for (const [name, values] of Object.entries(by)) {
      const points = Object.keys(values).filter((n) => n in record.costs[name]).map(Number).map((n) => [cost(record, name, n, state.unit, prices()), values[n][0]])
        .filter(([c]) => c > 0).sort((a, b) => a[0] - b[0]).map(([c, v]) => `${x(c).toFixed(1)},${y(v).toFixed(1)}`);
      const line = element("polyline", null, { ...svg, points: points.join(" "), fill: "none", stroke: record.strategies[name][1], "stroke-width": 2 });
      line.append(element("title", record.strategies[name][0], svg));
      drawn.append(line);
    }
    const height = record.large && record.large.attained[state.difficulty];
    if (height) drawn.append(element("line", null, { ...svg, x1: left, x2: wide - 10, y1: y(height[0]), y2: y(height[0]), class: "large" }), element("text", record.large.words, { ...svg, x: left + 4, y: y(height[0]) - 4 }));
    const now = Math.min(limits[1], Math.max(limits[0], state.budget));
    drawn.append(element("line", null, { ...svg, x1: x(now), x2: x(now), y1: 8, y2: base, class: "now" }));
    at("chart").replaceChildren(drawn);
  }

  function set(changes) { state = { ...state, ...changes }; keep(); show(); }
  for (const key of Object.keys(units)) {
    at("unit-" + key).addEventListener("change", () => {
      const pick = chosen(record, state.difficulty, state.unit, state.budget, prices());
      state.unit = key;
      const [, most] = range(); // what the choice of the moment costs, in the new unit
      set({ budget: rounded(pick ? cost(record, pick.name, pick.at, key, prices()) * 1.005 : most) });
    });
  }
  at("slider").addEventListener("input", () => set({ budget: rounded(fromSlider(Number(at("slider").value), range())) }));
  at("r-slider").addEventListener("input", () => set({ r: Number(fromSlider(Number(at("r-slider").value), [0.01, 100]).toPrecision(2)) }));
  at("m-slider").addEventListener("input", () => set({ m: Number(fromSlider(Number(at("m-slider").value), [1, 100]).toPrecision(3)) }));
  for (const key of ["budget", "r", "m", "policy", "verifier", "large"]) {
    at(key).addEventListener("input", () => {
      const value = Number(at(key).value), least = { m: 1, r: 1e-6 }[key] || 0;
      if (at(key).value !== "" && isFinite(value) && value >= least) set({ [key]: value });
    });
    at(key).addEventListener("blur", show);
  }
  for (const key of ["difficulty", "count"]) at(key).addEventListener("change", () => set({ [key]: at(key).value }));
  addEventListener("hashchange", () => { read(); show(); });
  addEventListener("resize", show);
  read();
  show();
}
