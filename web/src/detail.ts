// One key: its facts, its days, and each notice with what became of it.

import { type Child, el, plural } from "./dom";
import { type Fleet, NEVER, NOT_READ, day, minute } from "./data";
import { actionInWords, DONE, FATES, SOURCES, STATE_MEANS, STATE_WORDS, stepInWords } from "./words";
import { table } from "./glance";

/** Rows of a table that belong to a key: they stand together. */
function rowsOf(column: number[], key: number): number[] {
  const found: number[] = [];
  for (let at = column.indexOf(key); at >= 0 && column[at] === key; at++) found.push(at);
  return found;
}

export function lastUse(fleet: Fleet, key: number): string {
  const used = fleet.block.keys.used[key];
  if (used === NOT_READ) return "not read";
  return used === NEVER ? "never" : day(used);
}

export function nextStep(fleet: Fleet, key: number): string {
  const { keys } = fleet.block;
  return keys.due[key] ? `${actionInWords(fleet.text(keys.next[key]))} ${day(keys.due[key])}` : "";
}

export function detail(fleet: Fleet, key: number, close: () => void): HTMLElement {
  const { block } = fleet;
  const { keys, users } = block;
  const user = keys.user[key];
  const account = users.account[user];
  const state = block.states[keys.state[key]];
  const source = fleet.text(users.source[user]);
  const facts: [string, Child][] = [
    ["User", el("a", { href: `#keys?user=${user}`, onclick: close }, fleet.userName(user))],
    ["Account", `${fleet.accountName(account)} (${block.accounts.id[account]})`],
    ["Owner", fleet.text(users.owner[user])
      ? `${fleet.text(users.owner[user])}${source ? `, ${SOURCES[source] ?? `from: ${source}`}` : ""}`
      : "not known, or not asked for by any decision"],
    ["State", `${STATE_WORDS[state]}. ${STATE_MEANS[state]}`],
    ["Made", `${day(keys.created[key])}, ${plural(keys.age[key], "day")} old`],
    ["Last use", {
      "not read": "not read: no decision needed it, or it could not be read", never: "never",
    }[lastUse(fleet, key)] ?? `${lastUse(fleet, key)}${fleet.text(keys.service[key]) ? `, ${fleet.text(keys.service[key])}` : ""}`],
    ["Next step", nextStep(fleet, key) || "none with a date"],
    ["Why", fleet.text(keys.sentence[key])],
    ["Marks", fleet.overlays(key).join(", ")],
    ["More time", keys.deferred[key]
      ? `until ${day(keys.deferred[key])}${fleet.overlays(key).includes("DEFERRED") ? "" : ", which is over"}; ticket ${fleet.text(keys.ticket[key])}, given by ${fleet.text(keys.by[key])}` : ""],
    ["Way out", users.kind[user] ? `${fleet.text(users.kind[user])} (${fleet.text(users.sure[user])}). Instead: ${fleet.text(users.instead[user])}` : ""],
    ["Blocked since", keys.blocked[key] ? `${day(keys.blocked[key])}, or before the days of this page` : ""],
    ["Breaks something", ["no", "yes: it is in use, and nobody has fetched or used the new key"][keys.breaks[key]] ?? ""],
    ["New key", fleet.text(keys.successor[key])],
  ];
  const notices = rowsOf(block.notices.key, key);
  const steps = rowsOf(block.steps.key, key);
  const courses = rowsOf(block.courses.key, key);
  const done = new Set(steps.map((at) => block.steps.day[at]));
  const happened = [
    ...courses.filter((at, place) => !place || !done.has(block.courses.day[at])).map((at, place) => ({
      on: block.courses.day[at], order: 0,
      text: place ? `Is ${STATE_WORDS[block.states[block.courses.state[at]]].toLowerCase()}` : `Seen first in the days of this page: ${STATE_WORDS[block.states[block.courses.state[at]]].toLowerCase()}`,
    })),
    ...steps.map((at) => ({
      on: block.steps.day[at], order: 1,
      text: `${DONE[fleet.text(block.steps.action[at])] ?? fleet.text(block.steps.action[at])} by Keyturn: ${fleet.text(block.steps.sentence[at])}`,
    })),
    ...notices.map((at) => ({
      on: Math.floor(block.notices.at[at] / 1440), order: 2,
      text: stepInWords(fleet.text(block.notices.step[at]), block.notices.about[at]),
    })),
  ].sort((a, b) => a.on - b.on || a.order - b.order);
  return el(
    "article", {},
    el("header", {}, el("h2", { id: "detail-title" }, keys.id[key]),
      el("button", { type: "button", onclick: close, autofocus: true }, "Close")),
    el("dl", {}, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    bar(fleet, courses),
    el("h3", {}, "Timeline"),
    el("ol", { class: "timeline" }, ...happened.map((each) =>
      el("li", { class: ["state", "step", "notice"][each.order] }, el("time", {}, day(each.on)), " ", each.text))),
    el("h3", {}, `Notices: ${notices.length}`),
    notices.length
      ? table("Notices", ["Sent (UTC)", "What", "Way", "To", "What became of it"], notices.map((at) => {
        const link = fleet.text(block.notices.link[at]);
        const what = stepInWords(fleet.text(block.notices.step[at]), block.notices.about[at]);
        const fate = block.notices.fate[at];
        const why = fleet.text(block.notices.why[at]);
        return [
          minute(block.notices.at[at]), link ? el("a", { href: link }, what) : what,
          fleet.text(block.notices.channel[at]), address(fleet.text(block.notices.to[at])),
          el("span", { class: fate > 1 ? "lost" : "" }, FATES[fate],
            block.notices.fate_at[at] ? ` ${minute(block.notices.fate_at[at])}` : "", why ? ` (${why})` : ""),
        ];
      }))
      : el("p", {}, "No notice about this key is stored."),
    el("p", { class: "about" }, "Accepted: the channel took it. Delivered: the mail server of its reader did. A notice that came back proves nothing, and no date is kept by it."),
  );
}

function address(to: string): string {
  return /^[0-9a-f]{16}$/.test(to) ? `another address than today's owner's (${to})` : to || "not recorded";
}

/** The days of a key, as a bar: each state as wide as it lasted. */
function bar(fleet: Fleet, courses: number[]): HTMLElement | null {
  const { block } = fleet;
  const end = block.day + 1;
  const spans = courses.map((at, place) => ({
    state: block.states[block.courses.state[at]],
    from: block.courses.day[at],
    days: (place + 1 < courses.length ? block.courses.day[courses[place + 1]] : end) - block.courses.day[at],
  }));
  if (!spans.length) return null;
  const words = spans.map((each) => `${STATE_WORDS[each.state]} from ${day(each.from)}`).join(", ");
  return el("div", { class: "bar", role: "img", "aria-label": words }, ...spans.map((each) => {
    const part = el("span", { class: `state-${each.state}`, title: `${STATE_WORDS[each.state]} from ${day(each.from)}` },
      STATE_WORDS[each.state]);
    part.style.flexGrow = String(each.days);
    return part;
  }));
}
