// The fleet at a glance: what was not seen first, then the figures, each with what it means.

import * as Plot from "@observablehq/plot";
import { type Child, count, el, percent, plural } from "./dom";
import { DISABLED, type Fleet, INACTIVE_STANDING, STANDINGS, day } from "./data";
import { actionInWords, STATE_MEANS, STATE_WORDS } from "./words";

const DAYS_AHEAD = 30;
const BIN = 10;
const SOON = 10;
type Marks = Plot.PlotOptions["marks"];

/** A chart, its words, and the same as a table: for whoever does not see it, and for print. */
function figure(
  title: string, about: string, summary: string, heads: string[], rows: Child[][],
  options: (width: number) => Plot.PlotOptions, height = 200,
): HTMLElement {
  const place = el("div", { class: "chart" });
  place.style.minHeight = `${height}px`;
  let drawn = 0;
  const draw = (): void => {
    const width = Math.floor(place.clientWidth);
    if (!width || width === drawn) return;
    drawn = width;
    const made = Plot.plot({
      width, height, marginLeft: 44, marginRight: 12, style: { background: "none", fontSize: "12px" },
      ...options(width),
    });
    const chart = (made.tagName === "svg" ? made : made.querySelector("svg:last-of-type")) as SVGElement;
    // One picture, with one sentence; its parts say nothing by themselves.
    for (const part of chart.querySelectorAll("*")) {
      for (const name of part.getAttributeNames()) if (name.startsWith("aria-")) part.removeAttribute(name);
    }
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", summary);
    place.replaceChildren(made);
  };
  new ResizeObserver(draw).observe(place);
  return el(
    "figure", {},
    el("figcaption", {}, el("h3", {}, title), el("p", { class: "about" }, about)),
    place,
    el("details", { class: "as-table" }, el("summary", {}, `${title}, as a table`), table(title, heads, rows)),
  );
}

export function table(label: string, heads: string[], rows: Child[][]): HTMLElement {
  return el(
    "div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    el(
      "table", {},
      el("thead", {}, el("tr", {}, ...heads.map((each) => el("th", { scope: "col" }, each)))),
      el("tbody", {}, ...rows.map((row) =>
        el("tr", {}, ...row.map((cell) =>
          el("td", { class: typeof cell === "number" ? "number" : "" }, cell))))),
    ),
  );
}

function tile(value: Child, label: string, about: string, href?: string, mood = ""): HTMLElement {
  return el(
    "div", { class: `tile ${mood}` },
    el("div", { class: "label" }, href ? el("a", { href }, label) : label),
    el("div", { class: "value" }, value),
    el("p", { class: "about" }, about),
  );
}

export function coverage(fleet: Fleet): HTMLElement {
  const { block } = fleet;
  const seen = new Map<string, number[]>();
  block.accounts.seen.forEach((word, account) => {
    const of = fleet.text(word);
    seen.set(of, [...(seen.get(of) ?? []), account]);
  });
  const whole = seen.get("seen")?.length ?? 0;
  const partly = seen.get("partly seen")?.length ?? 0;
  const judged = whole + partly + (seen.get("not entered")?.length ?? 0) + (seen.get("not seen")?.length ?? 0);
  const lines = fleet.unseen.slice(0, 8).map((account) =>
    el("li", {},
      el("strong", {}, `${block.accounts.id[account]} ${fleet.text(block.accounts.name[account])}`),
      ` ${fleet.text(block.accounts.seen[account])}: ${fleet.text(block.accounts.why[account])}`,
      block.accounts.last[account] && block.accounts.last[account] !== block.day
        ? `. Last seen on ${day(block.accounts.last[account])}` : "",
    ));
  const unknown = block.expected === null;
  const left = seen.get("left out")?.length ?? 0;
  const sum = [
    `${count(whole)} seen`, partly ? `${count(partly)} partly seen` : "",
    ...["not entered", "not seen"].map((each) => seen.has(each) ? `${count(seen.get(each)!.length)} ${each}` : ""),
  ].filter(Boolean).join(" + ");
  return el(
    "section", { class: `coverage ${fleet.sawEverything ? "good" : "bad"}`, "aria-labelledby": "seen" },
    el("h2", { id: "seen" }, fleet.sawEverything
      ? `All ${plural(whole, "account")} were seen`
      : `${count(whole)} of ${unknown ? "an unknown number of accounts" : plural(judged, "account")} were seen`),
    el("p", {},
      `On ${day(block.day)} (UTC): ${sum} = ${plural(judged, "account")}`,
      unknown ? ". How many there are is not known" : "",
      block.skipped ? `. ${plural(block.skipped, "account")} besides: left out on purpose, or suspended` : "",
      left ? `. ${plural(left, "account")} of earlier days: no run was to come any more` : "",
      ". Users and keys of what was not seen are in no figure and in no list of this page."),
    block.part ? el("p", {}, `This page is of ${plural(block.part.length, "account")} alone.`) : null,
    ...block.remarks.map((each) => el("p", {}, `${each}.`)),
    lines.length ? el("ul", {}, ...lines) : null,
    fleet.unseen.length > lines.length
      ? el("p", {}, el("a", { href: "#accounts?sort=seen" }, `All ${count(fleet.unseen.length)} of them`)) : null,
  );
}

/** The number of users beside its target; nothing where there is neither a target nor a month before. */
export function target(fleet: Fleet): HTMLElement | null {
  const { block } = fleet;
  const goal = block.target;
  if (!goal && !block.months.length) return null;
  const days = block.trend.filter(([, accounts]) => accounts > 0);
  const most = Math.max(block.expected ?? Infinity, ...days.map(([, accounts]) => accounts));
  const first = days.length ? days[0][0] : block.day;
  const points: { on: number; users: number; part: boolean; by: string }[] = [
    ...block.months.filter(([on]) => on < first).map(([on, users, whole]) => ({
      on, users: users < 0 ? NaN : users, part: !whole, by: users < 0 ? "no report is kept" : "the month's report",
    })),
    ...days.map(([on, accounts, users]) => ({
      on, users, by: "the day's snapshots",
      part: on === block.day ? !fleet.sawEverything : accounts < most,
    })),
  ];
  // A line over a time of which nothing is known would say that something was.
  const drawn = points.flatMap((each, at) => {
    const before = points[at - 1];
    const far = before && each.on - before.on > (before.by === "the day's snapshots" ? 1 : 32);
    return (far ? [{ ...each, on: each.on - 0.5, users: NaN }] : []).concat(each);
  }).map((each) => ({ ...each, at: new Date(each.on * 864e5) }));
  const seen = drawn.filter((each) => !Number.isNaN(each.users));
  const dots = seen.filter((each, at) => each.part || each.by !== "the day's snapshots" || seen.length < 40 || at === seen.length - 1);
  const line = goal?.start
    ? [{ at: new Date(goal.start[0] * 864e5), users: goal.start[1] }, { at: new Date(goal.by * 864e5), users: goal.users }] : [];
  const end = goal ? [{ at: new Date(goal.by * 864e5), users: goal.users }] : [];
  const gaps = points.filter((each) => Number.isNaN(each.users)).length;
  const parts = points.filter((each) => each.part && !Number.isNaN(each.users)).length;
  const about = [
    block.months.length ? "The end of each month before, by its kept report; then each day of this page." : "Each day of this page.",
    goal?.start ? ` Dashed: the line from ${count(goal.start[1])} on ${day(goal.start[0])} to ${count(goal.users)} by ${day(goal.by)}.` : "",
    gaps ? ` ${plural(gaps, "month")} without a report: a gap, which nothing is put into.` : "",
    parts ? ` Hollow: not every account was seen, so there were at least so many.` : "",
  ].join("");
  return el("section", { class: "target", "aria-labelledby": "users-target" },
    el("h2", { id: "users-target" }, goal ? `${goal.says}.` : "IAM users"),
    figure("IAM users and their target", about, goal?.says ?? `IAM users at the end of ${plural(block.months.length, "month")}`,
      ["Day", "Users", "By"],
      points.map((each) => [day(each.on), Number.isNaN(each.users) ? "not known" : `${each.part ? "at least " : ""}${count(each.users)}`, each.by]),
      () => ({
        marginTop: 24, marginRight: 24,
        x: { label: null, type: "utc", ticks: 5 }, y: { label: "users", grid: true, zero: true, nice: true, ticks: 4 },
        marks: [
          Plot.lineY(drawn, { x: "at", y: "users", stroke: "var(--c0)", strokeWidth: 2 }),
          Plot.dot(dots, { x: "at", y: "users", r: 2.5, stroke: "var(--c0)", fill: (each: { part: boolean }) => (each.part ? "var(--ground)" : "var(--c0)") }),
          Plot.line(line, { x: "at", y: "users", stroke: "currentColor", strokeDasharray: "4 3" }),
          Plot.dot(end, { x: "at", y: "users", r: 4, symbol: "diamond", fill: "var(--c4)" }),
          Plot.text(end, { x: "at", y: "users", text: () => `target ${count(goal?.users ?? 0)}`, textAnchor: "end", dx: -8, dy: 12, fill: "currentColor" }),
        ] as Marks,
      }), 200));
}

export function glance(fleet: Fleet): HTMLElement {
  const { block } = fleet;
  const { keys } = block;
  const standing = new Array<number>(STANDINGS.length + 1).fill(0);
  const states = new Array<number>(block.states.length).fill(0);
  let ages = 0, oldest = 0, blocked = 0, breaks = 0, week = 0, overdue = 0, undated = 0;
  const due = new Map<number, Record<string, number>>();
  for (let key = 0; key < fleet.keys; key++) {
    states[keys.state[key]] += 1;
    if (!fleet.isThere(key)) continue;
    standing[fleet.standing[key]] += 1;
    if (fleet.isActive(key)) {
      ages += keys.age[key];
      oldest = Math.max(oldest, keys.age[key]);
    }
    if (keys.blocked[key]) blocked += 1;
    if (keys.breaks[key] === 1) breaks += 1;
    const on = keys.due[key];
    if (!on) undated += 1;
    else {
      if (on < block.day) overdue += 1;
      if (on < block.day + 7) week += 1;
      const at = Math.max(on, block.day);
      const of = due.get(at) ?? {};
      const action = fleet.text(keys.next[key]);
      of[action] = (of[action] ?? 0) + 1;
      due.set(at, of);
    }
  }
  const active = states[0] + states[1];
  const users = fleet.perAccount.reduce((sum, each) => sum + each.users, 0);
  const whole = fleet.sawEverything;
  // Where nobody looked nothing was counted, and that is no 0.
  const nothing = !block.accounts.seen.some((each) => ["seen", "partly seen"].includes(fleet.text(each)));
  const counted = (number: number): string => (nothing ? "not known" : count(number));
  const ofSeen = whole ? "" : " Of the accounts that were seen.";
  const [rotation] = fleet.mostCommonPolicy();
  const mixed = block.policies.length > 1
    ? " Accounts go by different periods: each is judged by its own." : "";

  return el(
    "div", { class: "glance" },
    el(
      "section", { class: "tiles", "aria-label": "Figures" },
      tile(nothing ? "not known" : percent(standing[0], active), "Within policy",
        `${count(standing[0])} of ${count(active)} Active keys are no older than the rotation period (${rotation} days).${mixed} Inactive keys count in neither.${ofSeen}`,
        "#keys?standing=0", active && standing[0] === active && whole ? "good" : ""),
      tile(counted(breaks), "Break soon",
        "Keys in use that end within their window, whose new key nobody has fetched or used.",
        "#keys?mark=breaks&sort=due", breaks ? "bad" : ""),
      tile(counted(blocked), "Blocked", "Keys for which what is due cannot be done yet; the reason stands beside each.",
        "#keys?mark=blocked&sort=blocked", blocked ? "warn" : ""),
      tile(counted(week), "Due within 7 days",
        `Keys whose next step can come within 7 days of ${day(block.day)}${overdue ? `, with ${count(overdue)} that could have come before` : ""}.`,
        "#keys?due=week&sort=due"),
      tile(counted(users), "IAM users", `Of the accounts that were seen, with and without keys, on ${day(block.day)}.`, "#users"),
      tile(active ? `${Math.round(ages / active)} days` : nothing ? "not known" : "none", "Average age",
        active ? `Of the ${count(active)} Active keys. The oldest is ${plural(oldest, "day")} old.`
          : nothing ? "No account was seen." : "There is no Active key.", "#keys?sort=-age"),
    ),
    nothing ? el("p", {}, "No account was seen: there is nothing to draw.") : el("section", { class: "figures", "aria-label": "Charts" },
      standings(standing, active),
      histogram(fleet, active),
      byState(fleet, states),
      dueByDay(fleet, due, undated),
      soon(fleet, breaks),
      ...trend(fleet),
    ),
    failures(fleet),
    ...block.panels.map((panel) =>
      el("section", { class: "panel" }, el("h2", {}, panel.title), el("p", { class: "about" }, panel.about),
        table(panel.title, panel.columns, panel.rows))),
  );
}

function standings(standing: number[], active: number): HTMLElement {
  const rows = STANDINGS.map((name, at) => ({ name, keys: standing[at], at })).filter((each) => each.keys);
  const colours = ["var(--c0)", "var(--c5)", "var(--c3)", "var(--c2)", "var(--c1)", "var(--c4)"];
  return figure(
    "Active keys, by the policy",
    `Each Active key stands in one part: ${rows.map((each) => count(each.keys)).join(" + ") || "0"} = ${count(active)}. ${count(standing[INACTIVE_STANDING])} Inactive keys are in none.`,
    rows.map((each) => `${count(each.keys)} ${each.name}`).join(", ") || "No Active key",
    ["Part", "Keys"], rows.map((each) => [el("a", { href: `#keys?standing=${each.at}` }, each.name), each.keys]),
    () => ({
      marginLeft: 8, marginTop: 4,
      x: { axis: null }, y: { axis: null, domain: rows.map((each) => each.name) },
      marks: [
        Plot.barX(rows, { x: "keys", y: "name", fill: (each: { at: number }) => colours[each.at], insetTop: 16 }),
        Plot.text(rows, { x: 0, y: "name", text: (each: { name: string; keys: number }) => `${each.name}: ${count(each.keys)}`, textAnchor: "start", dy: -10, fill: "currentColor", frameAnchor: "left" }),
      ] as Marks,
    }), Math.max(60, rows.length * 44),
  );
}

function histogram(fleet: Fleet, active: number): HTMLElement {
  const [rotation, inactive, grace] = fleet.mostCommonPolicy();
  const end = Math.ceil((2 * (inactive + grace)) / BIN) * BIN;
  const bins = new Array<number>(end / BIN + 1).fill(0);
  for (let key = 0; key < fleet.keys; key++) {
    if (fleet.isActive(key)) bins[Math.min(bins.length - 1, Math.floor(fleet.block.keys.age[key] / BIN))] += 1;
  }
  const rows = bins.map((keys, at) => ({
    keys, x1: at * BIN, x2: (at + 1) * BIN,
    label: at === bins.length - 1 ? `${end} and more` : `${at * BIN} to ${at * BIN + BIN - 1}`,
  }));
  const lines = [
    { x: rotation, label: "rotate" }, { x: inactive, label: "disable" }, { x: inactive + grace, label: "delete" },
  ];
  const older = rows.filter((each) => each.x1 >= rotation).reduce((sum, each) => sum + each.keys, 0);
  return figure(
    "Ages of the Active keys",
    `Days since each of the ${count(active)} Active keys was made; the last bar is all of ${end} days and more. Lines: rotated at ${rotation} days, the old key disabled at ${inactive}, deleted at ${inactive + grace}.`,
    `${count(active)} Active keys by age; ${count(older)} of them are about ${rotation} days old or older.`,
    ["Age in days", "Active keys"], rows.filter((each) => each.keys).map((each) => [each.label, each.keys]),
    () => ({
      marginTop: 34,
      x: { label: "days old", domain: [0, end + BIN], ticks: 6, tickFormat: (each: number) => (each >= end ? `${end}+` : String(each)) },
      y: { label: "keys", grid: true, tickFormat: (each: number) => (Number.isInteger(each) ? count(each) : "") },
      marks: [
        Plot.rectY(rows, { x1: "x1", x2: "x2", y: "keys", insetLeft: 1, fill: (each: { x1: number }) => (each.x1 >= rotation ? "var(--c4)" : "var(--c0)") }),
        Plot.ruleX(lines, { x: "x", stroke: "currentColor", strokeDasharray: "4 3" }),
        ...lines.map((each, at) => Plot.text([each], {
          x: "x", frameAnchor: "top", text: () => `${each.label} ${each.x}`, fill: "currentColor",
          textAnchor: at ? "start" : "end", dx: at ? 3 : -3, dy: [-12, -24, -12][at],
        })),
      ] as Marks,
    }), 220,
  );
}

function byState(fleet: Fleet, states: number[]): HTMLElement {
  const colours = ["var(--c0)", "var(--c1)", "var(--c2)", "var(--c5)", "var(--c5)"];
  const rows = fleet.block.states.map((state, at) => ({ state, word: STATE_WORDS[state], keys: states[at], colour: colours[at] }))
    .filter((each) => each.keys);
  const there = rows.filter((each) => fleet.block.states.indexOf(each.state) <= DISABLED);
  const gone = rows.filter((each) => fleet.block.states.indexOf(each.state) > DISABLED);
  return figure(
    "Keys by state",
    `As the day's run left them: ${there.map((each) => `${count(each.keys)} ${each.word.toLowerCase()}`).join(" + ") || "0"} = ${plural(there.reduce((sum, each) => sum + each.keys, 0), "key")} that are there.${gone.length ? ` Besides, in the days of this page: ${gone.map((each) => `${count(each.keys)} ${each.word.toLowerCase()}`).join(", ")}.` : ""} A key that was made on the day is listed from the next day on.`,
    rows.map((each) => `${count(each.keys)} ${each.word}`).join(", "),
    ["State", "Keys", "What it means"],
    rows.map((each) => [el("a", { href: `#keys?state=${each.state}` }, each.word), each.keys, STATE_MEANS[each.state]]),
    (width) => ({
      marginLeft: 72,
      x: { label: null, grid: true, ticks: width < 480 ? 2 : 5 }, y: { label: null, domain: rows.map((each) => each.word) },
      marks: [
        Plot.barX(rows, { x: "keys", y: "word", fill: "colour", insetTop: 3, insetBottom: 3 }),
        Plot.text(rows, { x: "keys", y: "word", text: (each: { keys: number }) => count(each.keys), textAnchor: "start", dx: 4, fill: "currentColor" }),
      ] as Marks,
      marginRight: 48,
    }), 40 + rows.length * 34,
  );
}

function dueByDay(fleet: Fleet, due: Map<number, Record<string, number>>, undated: number): HTMLElement {
  const { block } = fleet;
  const actions = ["ROTATE", "DISABLE", "DELETE"];
  const other = (action: string): string => (actions.includes(action) ? action : "OTHER");
  const rows: { at: Date; action: string; keys: number }[] = [];
  let later = 0, within = 0;
  for (const [on, of] of due) {
    for (const [action, keys] of Object.entries(of)) {
      if (on >= block.day + DAYS_AHEAD) later += keys;
      else {
        within += keys;
        rows.push({ at: new Date(on * 864e5), action: other(action), keys });
      }
    }
  }
  const days = Array.from({ length: DAYS_AHEAD }, (_, at) => block.day + at);
  const words = [...actions, "OTHER"].filter((each) => rows.some((row) => row.action === each));
  const colours: Record<string, string> = { ROTATE: "var(--c0)", DISABLE: "var(--c3)", DELETE: "var(--c4)", OTHER: "var(--c2)" };
  const label = (each: string): string => (each === "OTHER" ? "Look again" : actionInWords(each));
  const dry = block.accounts.dry.filter(Boolean).length;
  return figure(
    `Due in the next ${DAYS_AHEAD} days`,
    `Of each key its next step alone, on the day from which it can come; what could have come before stands on ${day(block.day)}. Look again: it waits, and its day is found out then. ${count(within)} here + ${count(later)} later + ${count(undated)} without a date, such as blocked or exempt ones = ${count(within + later + undated)}, all keys that are there.${dry ? ` In ${plural(dry, "account")} in dry run it is shown and not done.` : ""}`,
    `${count(within)} keys have a step within ${DAYS_AHEAD} days.`,
    ["Day", ...words.map(label)],
    days.filter((on) => due.has(on)).map((on) => [
      el("a", { href: `#keys?on=${day(on)}` }, day(on)),
      ...words.map((word) => Object.entries(due.get(on)!).filter(([action]) => other(action) === word).reduce((sum, [, keys]) => sum + keys, 0)),
    ]),
    (width) => ({
      marginTop: 26,
      color: { domain: words.map(label), range: words.map((each) => colours[each]), legend: false },
      x: { label: null, type: "utc", interval: "day", domain: [new Date(block.day * 864e5), new Date((block.day + DAYS_AHEAD) * 864e5)], ticks: width < 400 ? 4 : 8 },
      y: { label: "keys", grid: true, tickFormat: (each: number) => (Number.isInteger(each) ? count(each) : "") },
      marks: [
        Plot.rectY(rows, Plot.stackY({ x: "at", interval: "day", y: "keys", fill: (each: { action: string }) => label(each.action), order: words.map(label), inset: 0.5 } as never)),
        ...words.map((each, at) => [
          Plot.text([0], { frameAnchor: "top-right", dx: -(words.length - 1 - at) * 82, dy: -20, text: () => `■ ${label(each)}`, fill: colours[each] }),
        ]).flat(),
      ] as Marks,
    }), 220,
  );
}

function soon(fleet: Fleet, breaks: number): HTMLElement {
  const { keys } = fleet.block;
  const found: number[] = [];
  for (let key = 0; key < fleet.keys; key++) if (keys.breaks[key] === 1) found.push(key);
  found.sort((a, b) => (keys.due[a] || 1e9) - (keys.due[b] || 1e9));
  return el(
    "section", { class: "soon", "aria-labelledby": "soon" },
    el("h3", { id: "soon" }, "What breaks soon"),
    el("p", { class: "about" }, "Keys that are in use and end on the day named, whose new key was delivered and neither fetched nor used. Only keys whose use was looked at are judged."),
    found.length
      ? table("Keys that break soon", ["Ends", "User", "Account", "Key", "Owner"], found.slice(0, SOON).map((key) => [
        day(keys.due[key]) || "no date", fleet.userName(keys.user[key]), fleet.accountName(fleet.accountOf(key)),
        el("a", { href: `#keys?mark=breaks&key=${keys.id[key]}` }, keys.id[key]),
        fleet.text(fleet.block.users.owner[keys.user[key]]) || "not known",
      ]))
      : el("p", {}, fleet.sawEverything ? "None." : "None of what was seen."),
    breaks > SOON ? el("p", {}, el("a", { href: "#keys?mark=breaks&sort=due" }, `All ${count(breaks)}`)) : null,
  );
}

function trend(fleet: Fleet): HTMLElement[] {
  const all = fleet.block.trend.filter(([, accounts]) => accounts > 0);
  const most = Math.max(0, ...all.map(([, accounts]) => accounts));
  const rows = all.map(([on, accounts, users, keys, active, ages, oldest, within]) => ({
    at: new Date(on * 864e5), on, accounts, users, keys, active, within, oldest,
    average: active ? ages / active : NaN, part: accounts < most,
  }));
  const lacks = rows.filter((each) => each.part).length;
  const about = `One point for each of ${plural(all.length, "day")} with runs.${lacks ? ` On ${plural(lacks, "day")} fewer than ${plural(most, "account")} were entered: those points are hollow, and lower for that reason alone.` : ""}`;
  const heads = ["Day", "Accounts entered", "Users", "Active keys", "Within policy", "Average age", "Oldest"];
  const listed = rows.map((each) => [
    day(each.on), each.accounts, each.users, each.active, percent(each.within, each.active),
    Number.isNaN(each.average) ? "none" : Math.round(each.average), each.oldest,
  ]);
  const last = rows[rows.length - 1], first = rows[0];
  // Of many days, points are drawn only where they say something that the line does not.
  const dots = rows.filter((each, at) => each.part || rows.length < 40 || at === rows.length - 1);
  const dot = { r: 2.5, stroke: "var(--c0)", fill: (each: { part: boolean }) => (each.part ? "var(--ground)" : "var(--c0)") };
  const x = { label: null, type: "utc" as const, ticks: 5 };
  if (!first) return [];
  return [
    figure("Trend: IAM users", about, `From ${count(first.users)} users on ${day(first.on)} to ${count(last.users)} on ${day(last.on)}.`,
      heads, listed,
      () => ({ x, y: { label: "users", grid: true, zero: true, nice: true, ticks: 4 }, marks: [
        Plot.lineY(rows, { x: "at", y: "users", stroke: "var(--c0)", strokeWidth: 2 }), Plot.dot(dots, { x: "at", y: "users", ...dot }),
      ] as Marks }), 180),
    figure("Trend: age of the Active keys", `Average in days. ${about}`,
      `From ${Math.round(first.average)} days on ${day(first.on)} to ${Math.round(last.average)} on ${day(last.on)}.`,
      heads, listed,
      () => ({ x, y: { label: "days", grid: true, zero: true, nice: true, ticks: 4 }, marks: [
        Plot.ruleY([fleet.mostCommonPolicy()[0]], { stroke: "currentColor", strokeDasharray: "4 3" }),
        Plot.lineY(rows, { x: "at", y: "average", stroke: "var(--c0)", strokeWidth: 2 }), Plot.dot(dots, { x: "at", y: "average", ...dot }),
      ] as Marks }), 180),
    figure("Trend: within policy", `Share of the Active keys. ${about}`,
      `From ${percent(first.within, first.active)} on ${day(first.on)} to ${percent(last.within, last.active)} on ${day(last.on)}.`,
      heads, listed,
      () => ({ x, y: { label: "%", grid: true, domain: [0, 100], ticks: 4 }, marks: [
        Plot.lineY(rows, { x: "at", y: (each: { within: number; active: number }) => (100 * each.within) / each.active, stroke: "var(--c0)", strokeWidth: 2 }),
        Plot.dot(dots, { x: "at", y: (each: { within: number; active: number }) => (100 * each.within) / each.active, ...dot }),
      ] as Marks }), 180),
  ];
}

function failures(fleet: Fleet): HTMLElement | null {
  const { failures: of, accounts } = fleet.block;
  if (!of.account.length) return null;
  const shown = of.account.slice(0, 50).map((account, at) => [
    accounts.id[account], fleet.text(accounts.name[account]), fleet.text(of.user[at]) || "the account", fleet.text(of.message[at]),
  ]);
  const rest = of.account.length - shown.length;
  return el("section", { class: "panel", "aria-labelledby": "failed" },
    el("h2", { id: "failed" }, `Failures: ${count(of.account.length)}`),
    el("p", { class: "about" }, `What the runs of ${day(fleet.block.day)} could not do, read or send.${rest > 0 ? ` The first ${count(shown.length)}; ${count(rest)} more are in the snapshots.` : ""}`),
    table("Failures", ["Account", "Name", "User", "What failed"], shown));
}
