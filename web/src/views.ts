// The lists: accounts, users, keys and exemptions; their columns and facets.

import { type Child, count, el, percent } from "./dom";
import { type Fleet, STANDINGS, day } from "./data";
import type { Facet, Query } from "./filter";
import { type Column } from "./grid";
import { lastUse, nextStep } from "./detail";
import { actionInWords, STATE_WORDS } from "./words";

export interface View {
  id: "accounts" | "users" | "keys" | "exemptions";
  title: string;
  one: string;
  about: string;
  length: number;
  hay: "accounts" | "users" | "keys";
  columns: Column[];
  facets: Facet[];
  sort: string;
  /** What a link alone chooses, by its words. */
  chips: { id: string; words: (value: string) => string; only: (row: number, value: string) => boolean }[];
  open: (row: number, query: Query) => string | number;
  only: (row: number) => boolean;
}

const MARKS = ["breaks", "blocked", "exempt", "restored", "contested", "unread", "deferred", "leaked"];
const MARK_WORDS: Record<string, string> = {
  breaks: "breaks soon", blocked: "blocked", exempt: "exempt", restored: "enabled again by a person",
  contested: "its end is worked against", unread: "last use not read",
  deferred: "given more time", leaked: "leaked, says AWS",
};
const DUE = ["overdue", "week", "month", "later", "none"];
const DUE_WORDS: Record<string, string> = {
  overdue: "could have come before", week: "within 7 days", month: "in 8 to 30 days",
  later: "later", none: "no date",
};
const OWNERS = ["known", "unknown"];
const NO = "";

export function views(fleet: Fleet): View[] {
  return [accounts(fleet), users(fleet), keys(fleet), exemptions(fleet)];
}

function badge(word: string, kind: string): HTMLElement {
  return el("span", { class: `badge ${kind}` }, word);
}

function accounts(fleet: Fleet): View {
  const { accounts: of } = fleet.block;
  const sum = fleet.perAccount;
  const seen = [...new Set(of.seen)].map((each) => fleet.text(each));
  const places = of.seen.map((each) => 1 << seen.indexOf(fleet.text(each)));
  const isSeen = (row: number): boolean => ["seen", "partly seen"].includes(fleet.text(of.seen[row]));
  const figure = (id: string, label: string, get: (row: number) => number, words = count): Column => ({
    id, label, width: "minmax(4.3rem, .55fr)", number: true,
    cell: (row) => (isSeen(row) ? words(get(row)) : "?"),
    text: (row) => (isSeen(row) ? get(row) : NO),
    order: (row) => (isSeen(row) ? get(row) : -1),
  });
  const share = (row: number): number => (sum[row].active ? sum[row].within / sum[row].active : 1);
  return {
    id: "accounts", title: "Accounts", one: "account", length: fleet.accounts, hay: "accounts", sort: "seen",
    about: "An account that was not seen has no figures: what is in it is not known. Choose an account for its users.",
    columns: [
      { id: "name", label: "Account", width: "minmax(0, 1.4fr)", cell: (row) => fleet.text(of.name[row]) || of.id[row], text: (row) => fleet.text(of.name[row]) },
      { id: "id", label: "Id", width: "8.5rem", cell: (row) => el("code", {}, of.id[row]), text: (row) => of.id[row] },
      {
        id: "seen", label: "Seen", width: "minmax(0, 1fr)",
        cell: (row) => {
          const word = fleet.text(of.seen[row]);
          return badge(word, word === "seen" ? "" : word === "partly seen" || word === "left out" ? "warn" : "bad");
        },
        text: (row) => fleet.text(of.seen[row]),
        order: (row) => ["not seen", "not entered", "partly seen", "seen", "left out"].indexOf(fleet.text(of.seen[row])),
      },
      { id: "mode", label: "Mode", width: "4.5rem", cell: (row) => (isSeen(row) ? (of.dry[row] ? "dry run" : "enforced") : "?"), text: (row) => (isSeen(row) ? (of.dry[row] ? "dry run" : "enforced") : NO) },
      figure("users", "Users", (row) => sum[row].users),
      figure("active", "Active keys", (row) => sum[row].active),
      {
        ...figure("within", "Within policy", share),
        cell: (row) => (isSeen(row) ? percent(sum[row].within, sum[row].active) : "?"),
        text: (row) => (isSeen(row) ? percent(sum[row].within, sum[row].active) : NO),
      },
      figure("oldest", "Oldest", (row) => sum[row].oldest, (each) => (each < 0 ? "none" : count(each))),
      figure("blocked", "Blocked", (row) => sum[row].blocked),
      figure("breaks", "Break soon", (row) => sum[row].breaks),
      figure("due", "Due in 30 days", (row) => sum[row].due),
      figure("failures", "Failures", (row) => sum[row].failures),
      { id: "why", label: "Why not seen", width: "minmax(0, 2fr)", cell: (row) => fleet.text(of.why[row]), text: (row) => fleet.text(of.why[row]) },
      { id: "last", label: "Last seen", width: "6rem", only: "csv", cell: (row) => day(of.last[row]), text: (row) => day(of.last[row]) },
    ],
    facets: [
      { id: "seen", label: "Seen", values: seen, of: (row) => places[row] },
      { id: "mode", label: "Mode", values: ["enforced", "dry run"], of: (row) => (isSeen(row) ? 1 << of.dry[row] : 4) },
    ],
    chips: [],
    open: (row) => `#users?account=${of.id[row]}`,
    only: () => true,
  };
}

function ofAccount(fleet: Fleet, account: (row: number) => number): View["chips"][number] {
  const { id } = fleet.block.accounts;
  return {
    id: "account",
    words: (value) => `Account: ${id.includes(value) ? fleet.accountName(id.indexOf(value)) : value}`,
    only: (row, value) => id[account(row)] === value,
  };
}

function accountColumns(fleet: Fleet, account: (row: number) => number): Column[] {
  const { id } = fleet.block.accounts;
  return [
    { id: "account", label: "Account", width: "minmax(0, 1fr)", cell: (row) => fleet.accountName(account(row)), text: (row) => fleet.accountName(account(row)) },
    { id: "account_id", label: "Account id", width: "8rem", only: "csv", cell: (row) => id[account(row)], text: (row) => id[account(row)] },
  ];
}

function ownerColumn(fleet: Fleet, user: (row: number) => number): Column {
  const { owner } = fleet.block.users;
  return {
    id: "owner", label: "Owner", width: "minmax(0, 1.5fr)",
    cell: (row) => fleet.text(owner[user(row)]) || el("span", { class: "quiet" }, "not known"),
    text: (row) => fleet.text(owner[user(row)]),
  };
}

function ownerFacet(fleet: Fleet, user: (row: number) => number): Facet {
  const { owner } = fleet.block.users;
  return {
    id: "owner", label: "Owner", values: OWNERS,
    of: (row) => (owner[user(row)] ? 1 : 2),
  };
}

function users(fleet: Fleet): View {
  const { users: of } = fleet.block;
  const same = (row: number): number => row;
  const account = (row: number): number => of.account[row];
  const total = (row: number): number => fleet.active[row] + fleet.inactive[row];
  const kinds = [...new Set(of.kind)].filter(Boolean).map((each) => fleet.text(each)).sort();
  const kindPlace = new Map([...new Set(of.kind)].map((each) => [each, each ? 1 << kinds.indexOf(fleet.text(each)) : 1 << 30]));
  const wayOut = (row: number): string => {
    const sure = fleet.text(of.sure[row]);
    return `${fleet.text(of.kind[row])}${sure && sure !== "unknown" ? ` (${sure})` : ""}`;
  };
  return {
    id: "users", title: "Users", one: "user", length: fleet.users, hay: "users", sort: "-oldest",
    about: "IAM users of the accounts that were seen, with and without keys. Way out: what would let a user stop having keys, by the days of this page alone (keyturn advise looks further). Choose a user for their keys.",
    columns: [
      { id: "user", label: "User", width: "minmax(0, 1.4fr)", cell: (row) => fleet.userName(row), text: (row) => fleet.userName(row) },
      ...accountColumns(fleet, account),
      ownerColumn(fleet, same),
      { id: "source", label: "Owner by", width: "6rem", cell: (row) => fleet.text(of.source[row]), text: (row) => fleet.text(of.source[row]) },
      { id: "active", label: "Active keys", width: "4rem", number: true, cell: (row) => fleet.active[row], text: (row) => fleet.active[row] },
      { id: "inactive", label: "Inactive", width: "4.5rem", number: true, cell: (row) => fleet.inactive[row], text: (row) => fleet.inactive[row] },
      { id: "oldest", label: "Oldest", width: "5rem", number: true, cell: (row) => (fleet.oldest[row] < 0 ? "" : count(fleet.oldest[row])), text: (row) => (fleet.oldest[row] < 0 ? NO : fleet.oldest[row]), order: (row) => fleet.oldest[row] },
      { id: "exempt", label: "Exempt", width: "5rem", cell: (row) => (of.exempt[row] ? badge("exempt", "warn") : ""), text: (row) => (of.exempt[row] ? "yes" : "no") },
      {
        id: "next", label: "Next step", width: "9.5rem", named: true,
        cell: (row) => (fleet.first[row] < 0 ? "" : nextStep(fleet, fleet.first[row])),
        text: (row) => (fleet.first[row] < 0 ? NO : nextStep(fleet, fleet.first[row])),
        order: (row) => (fleet.first[row] < 0 ? 1e9 : fleet.block.keys.due[fleet.first[row]]),
      },
      {
        id: "kind", label: "Way out", width: "minmax(0, 1.7fr)",
        cell: (row) => wayOut(row), text: (row) => wayOut(row), order: (row) => wayOut(row),
      },
      { id: "instead", label: "Instead of keys", width: "1fr", only: "csv", cell: (row) => fleet.text(of.instead[row]), text: (row) => fleet.text(of.instead[row]) },
      { id: "rejected", label: "Owner values that do not serve", width: "1fr", only: "csv", cell: (row) => fleet.text(of.rejected[row]), text: (row) => fleet.text(of.rejected[row]) },
    ],
    facets: [
      ownerFacet(fleet, same),
      { id: "exempt", label: "Exempt", values: ["no", "yes"], of: (row) => 1 << of.exempt[row] },
      { id: "has", label: "Keys", values: ["with", "without", "two"], words: (each) => ({ with: "with keys", without: "without keys", two: "two Active keys" })[each] ?? each, of: (row) => (total(row) ? 1 : 2) | (fleet.active[row] > 1 ? 4 : 0) },
      { id: "kind", label: "Way out", values: kinds, of: (row) => kindPlace.get(of.kind[row]) ?? 1 << 30 },
    ],
    chips: [ofAccount(fleet, account)],
    open: (row) => `#keys?user=${row}`,
    only: (row) => fleet.isUser(row),
  };
}

function keys(fleet: Fleet): View {
  const { keys: of, users: person, texts } = fleet.block;
  const user = (row: number): number => of.user[row];
  const account = (row: number): number => fleet.accountOf(row);
  const today = fleet.block.day;
  const marksOf = texts.map(() => -1);
  const marks = (row: number): number => {
    const number = of.overlays[row];
    if (marksOf[number] < 0) {
      const found = fleet.overlays(row);
      marksOf[number] = (found.includes("BLOCKED") ? 2 : 0) | (found.includes("EXEMPT") ? 4 : 0)
        | (found.includes("RESTORED") ? 8 : 0) | (found.includes("CONTESTED") ? 16 : 0)
        | (found.includes("DEFERRED") ? 64 : 0) | (found.includes("LEAKED") ? 128 : 0);
    }
    return marksOf[number] | (of.breaks[row] === 1 ? 1 : 0) | (person.exempt[of.user[row]] === 1 ? 4 : 0)
      | (of.used[row] === -2 ? 32 : 0) | 256;
  };
  const actions = [...new Set(of.next)].filter(Boolean).map((each) => fleet.text(each)).sort();
  const actionPlace = new Map([...new Set(of.next)].map((each) => [each, actions.indexOf(fleet.text(each))]));
  const state = (row: number): Child[] => {
    const word = fleet.block.states[of.state[row]];
    const found = marks(row);
    return [
      badge(STATE_WORDS[word], `state-${word}`),
      ...(found & 1 ? [badge("breaks", "bad")] : []),
      ...(found & 2 ? [badge("blocked", "warn")] : []),
      ...(found & 4 ? [badge("exempt", "")] : []),
      ...(found & 16 ? [badge("contested", "warn")] : []),
      ...(found & 64 ? [badge("deferred", "warn")] : []),
      ...(found & 128 ? [badge("leaked", "bad")] : []),
    ];
  };
  const why = (row: number): string => [
    of.blocked[row] ? `blocked since ${day(of.blocked[row])}: ` : "",
    marks(row) & 64 ? `until ${day(of.deferred[row])}, ticket ${fleet.text(of.ticket[row])}: ` : "",
    fleet.text(of.sentence[row]),
  ].join("");
  return {
    id: "keys", title: "Keys", one: "key", length: fleet.keys, hay: "keys", sort: "due",
    about: `Keys of the accounts that were seen. Keys that were deleted, or are gone, in the days of this page are listed when their state is chosen. Choose a key for its timeline and notices.`,
    columns: [
      { id: "user", label: "User", width: "minmax(0, 1.2fr)", cell: (row) => fleet.userName(user(row)), text: (row) => fleet.userName(user(row)) },
      ...accountColumns(fleet, account),
      { id: "key", label: "Key", width: "11.2rem", cell: (row) => el("code", {}, of.id[row]), text: (row) => of.id[row] },
      ownerColumn(fleet, user),
      { id: "age", label: "Age", width: "3rem", number: true, cell: (row) => of.age[row], text: (row) => of.age[row] },
      { id: "state", label: "State", width: "minmax(0, 1.7fr)", cell: state, text: (row) => [STATE_WORDS[fleet.block.states[of.state[row]]], ...fleet.overlays(row)].join(" "), order: (row) => of.state[row] },
      { id: "used", label: "Last use", width: "5.6rem", named: true, cell: (row) => (lastUse(fleet, row) === "not read" ? el("span", { class: "quiet" }, "not read") : lastUse(fleet, row)), text: (row) => lastUse(fleet, row), order: (row) => of.used[row] },
      { id: "service", label: "Service", width: "5rem", only: "csv", cell: (row) => fleet.text(of.service[row]), text: (row) => fleet.text(of.service[row]) },
      { id: "next", label: "Next step", width: "4.4rem", named: true, cell: (row) => actionInWords(fleet.text(of.next[row])), text: (row) => actionInWords(fleet.text(of.next[row])) },
      { id: "due", label: "On", width: "5.6rem", cell: (row) => day(of.due[row]), text: (row) => day(of.due[row]), order: (row) => of.due[row] || 1e9 },
      { id: "blocked", label: "Blocked since, and why", width: "minmax(0, 2fr)", cell: why, text: why, order: (row) => of.blocked[row] || 1e9 },
      { id: "created", label: "Made", width: "6rem", only: "csv", cell: (row) => day(of.created[row]), text: (row) => day(of.created[row]) },
      { id: "deferred", label: "More time until", width: "6rem", only: "csv", cell: (row) => day(of.deferred[row]), text: (row) => day(of.deferred[row]) },
      { id: "ticket", label: "Its ticket", width: "6rem", only: "csv", cell: (row) => fleet.text(of.ticket[row]), text: (row) => fleet.text(of.ticket[row]) },
      { id: "successor", label: "New key", width: "6rem", only: "csv", cell: (row) => fleet.text(of.successor[row]), text: (row) => fleet.text(of.successor[row]) },
    ],
    facets: [
      { id: "state", label: "State", values: fleet.block.states, words: (each) => STATE_WORDS[each], of: (row) => 1 << of.state[row], hidden: 8 | 16 },
      { id: "standing", label: "Policy", values: [...STANDINGS.keys()].map(String), words: (each) => STANDINGS[Number(each)], of: (row) => 1 << fleet.standing[row] },
      { id: "due", label: "Due", values: DUE, words: (each) => DUE_WORDS[each], of: (row) => dueIn(of.due[row], today) },
      { id: "next", label: "Next step", values: actions, words: actionInWords, of: (row) => (of.next[row] ? 1 << (actionPlace.get(of.next[row]) ?? 30) : 1 << 30) },
      { id: "mark", label: "Mark", values: MARKS, words: (each) => MARK_WORDS[each], of: marks },
      ownerFacet(fleet, user),
    ],
    chips: [
      ofAccount(fleet, account),
      { id: "user", words: (value) => `User: ${fleet.userName(Number(value))}`, only: (row, value) => of.user[row] === Number(value) },
      { id: "on", words: (value) => `Next step on ${value}`, only: (row, value) => day(Math.max(of.due[row], of.due[row] ? today : 0)) === value },
    ],
    open: (row) => row,
    only: () => true,
  };
}

/** What is overdue is due within the week, too. */
function dueIn(due: number, today: number): number {
  if (!due) return 16;
  if (due < today) return 1 | 2;
  return due < today + 7 ? 2 : due < today + 30 ? 4 : 8;
}

function exemptions(fleet: Fleet): View {
  const { users: of } = fleet.block;
  const account = (row: number): number => of.account[row];
  const total = (row: number): number => fleet.active[row] + fleet.inactive[row];
  return {
    id: "exemptions", title: "Exemptions", one: "exempt user", length: fleet.users, hay: "users", sort: "expires",
    about: "Members of the exemption group: their keys are left alone. Without an end that is recorded, nobody knows when that is looked at again.",
    columns: [
      { id: "user", label: "User", width: "minmax(0, 1.4fr)", cell: (row) => fleet.userName(row), text: (row) => fleet.userName(row) },
      ...accountColumns(fleet, account),
      { id: "expires", label: "Expires", width: "8rem", cell: (row) => day(of.expires[row]) || badge("no end recorded", "warn"), text: (row) => day(of.expires[row]), order: (row) => of.expires[row] },
      { id: "ticket", label: "Ticket", width: "minmax(0, 1fr)", cell: (row) => fleet.text(of.ticket[row]), text: (row) => fleet.text(of.ticket[row]) },
      { id: "answers", label: "Answers for it", width: "minmax(0, 1fr)", cell: (row) => fleet.text(of.answers[row]), text: (row) => fleet.text(of.answers[row]) },
      { id: "reason", label: "Reason", width: "minmax(0, 2fr)", cell: (row) => fleet.text(of.reason[row]), text: (row) => fleet.text(of.reason[row]) },
      { id: "keys", label: "Keys", width: "4.5rem", number: true, cell: (row) => total(row), text: total },
      { id: "oldest", label: "Oldest", width: "5rem", number: true, cell: (row) => (fleet.oldest[row] < 0 ? "" : count(fleet.oldest[row])), text: (row) => (fleet.oldest[row] < 0 ? NO : fleet.oldest[row]), order: (row) => fleet.oldest[row] },
    ],
    facets: [{ id: "end", label: "End", values: ["recorded", "none", "past"], words: (each) => ({ recorded: "an end is recorded", none: "no end recorded", past: "it has ended" })[each] ?? each, of: (row) => (of.expires[row] ? 1 | (of.expires[row] <= fleet.block.day ? 4 : 0) : 2) }],
    chips: [ofAccount(fleet, account)],
    open: (row) => `#keys?user=${row}`,
    only: (row) => of.exempt[row] === 1,
  };
}
