// What the page says, as `use_cases/page_data.py` writes it: tables as columns, texts by number.

export type Column = number[];

export interface Block {
  version: number;
  title: string;
  made: string;
  day: number;
  history: number;
  part: string[] | null;
  expected: number | null;
  skipped: number | null;
  remarks: string[];
  policies: [number, number, number][];
  states: string[];
  accounts: Record<"id", string[]> &
    Record<"name" | "seen" | "why" | "last" | "dry" | "policy" | "left", Column>;
  users: Record<
    | "account" | "name" | "exempt" | "owner" | "source" | "rejected"
    | "ticket" | "answers" | "reason" | "expires" | "kind" | "sure" | "instead",
    Column
  >;
  keys: Record<"id", string[]> &
    Record<
      | "user" | "created" | "age" | "state" | "overlays" | "action" | "why" | "sentence"
      | "used" | "service" | "next" | "due" | "breaks" | "blocked" | "successor"
      | "deferred" | "ticket" | "by",
      Column
    >;
  courses: Record<"key" | "day" | "state", Column>;
  steps: Record<"key" | "day" | "action" | "sentence", Column>;
  notices: Record<
    "key" | "at" | "step" | "about" | "channel" | "to" | "fate" | "fate_at" | "why" | "link",
    Column
  >;
  failures: Record<"account" | "user" | "message", Column>;
  trend: number[][];
  /** The target on the number of users; start: where the line to it begins, a day and users. */
  target: { users: number; by: number; start: [number, number] | null; says: string } | null;
  /** The end of each month before: the day, the users (-1: not known), whether all was seen. */
  months: [number, number, number][];
  texts: string[];
  panels: Panel[];
  links: { label: string; path: string }[];
}

export interface Panel {
  title: string;
  about: string;
  columns: string[];
  rows: string[][];
}

export const ACTIVE = 0;
export const ROTATED = 1;
export const DISABLED = 2;
export const NEVER = -1;
export const NOT_READ = -2;

/** The parts of the Active keys, each key in one: together they are all Active keys. */
export const STANDINGS = [
  "within the rotation period",
  "older: its user is exempt",
  "older: blocked",
  "older: enabled again by a person",
  "older: replaced, its window is running",
  "older: due, not rotated yet",
] as const;
export const INACTIVE_STANDING = STANDINGS.length;

/** Reads the data: base64 of gzip, which opens sooner than as much plain JSON. */
export async function opened(text: string): Promise<Block> {
  const packed = atob(text);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at++) bytes[at] = packed.charCodeAt(at);
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(plain).text()) as Block;
}

/** A day of the block, as YYYY-MM-DD. */
export function day(number: number): string {
  return number > 0 ? new Date(number * 864e5).toISOString().slice(0, 10) : "";
}

/** A minute of the block, UTC. */
export function minute(number: number): string {
  return new Date(number * 6e4).toISOString().slice(0, 16).replace("T", " ");
}

/** The page's data, and what is counted of it. */
export class Fleet {
  readonly keys: number;
  readonly users: number;
  readonly accounts: number;
  readonly standing: Uint8Array;
  /** Of each user: Active keys, others that are there, the oldest Active one's age, a key due first. */
  readonly active: Uint8Array;
  readonly inactive: Uint8Array;
  readonly oldest: Int32Array;
  readonly first: Int32Array;
  readonly perAccount: AccountSum[];
  readonly unseen: number[];
  private hays: Record<string, string[]> = {};

  constructor(readonly block: Block) {
    const { keys, users, accounts } = block;
    this.keys = keys.id.length;
    this.users = users.name.length;
    this.accounts = accounts.id.length;
    this.standing = new Uint8Array(this.keys);
    this.active = new Uint8Array(this.users);
    this.inactive = new Uint8Array(this.users);
    this.oldest = new Int32Array(this.users).fill(-1);
    this.first = new Int32Array(this.users).fill(-1);
    this.perAccount = accounts.id.map(() => ({
      users: 0, active: 0, keys: 0, within: 0, oldest: -1, blocked: 0, breaks: 0, due: 0, failures: 0,
    }));
    this.unseen = accounts.id
      .map((_, account) => account)
      .filter((account) => !["seen", "left out"].includes(this.text(accounts.seen[account])));
    this.count();
  }

  text(number: number): string {
    return this.block.texts[number] ?? "";
  }

  accountOf(key: number): number {
    return this.block.users.account[this.block.keys.user[key]];
  }

  accountName(account: number): string {
    return this.text(this.block.accounts.name[account]) || this.block.accounts.id[account];
  }

  userName(user: number): string {
    return this.text(this.block.users.name[user]);
  }

  overlays(key: number): string[] {
    return this.text(this.block.keys.overlays[key]).split(" ").filter(Boolean);
  }

  isThere(key: number): boolean {
    return this.block.keys.state[key] <= DISABLED;
  }

  isActive(key: number): boolean {
    return this.block.keys.state[key] <= ROTATED;
  }

  policyOf(account: number): [number, number, number] {
    return this.block.policies[this.block.accounts.policy[account]] ?? this.mostCommonPolicy();
  }

  /** The policy that most accounts go by: its lines are drawn. */
  mostCommonPolicy(): [number, number, number] {
    const counts = this.block.policies.map(() => 0);
    for (const policy of this.block.accounts.policy) if (policy >= 0) counts[policy] += 1;
    return this.block.policies[counts.indexOf(Math.max(...counts))] ?? [90, 100, 10];
  }

  get sawEverything(): boolean {
    return this.unseen.length === 0 && this.block.expected !== null && this.block.part === null;
  }

  /** What a search looks through, in lower case, made when it is first asked for. */
  hay(table: "keys" | "users" | "accounts"): string[] {
    return (this.hays[table] ??= this.makeHay(table));
  }

  private makeHay(table: "keys" | "users" | "accounts"): string[] {
    const { keys, users, accounts } = this.block;
    const account = accounts.id.map((id, at) => `${id} ${this.accountName(at)}`.toLowerCase());
    if (table === "accounts") return account;
    const user = users.name.map((name, at) =>
      `${this.text(name)} ${this.text(users.owner[at])} ${account[users.account[at]]}`.toLowerCase(),
    );
    if (table === "users") return user;
    return keys.id.map((id, at) => `${id.toLowerCase()} ${user[keys.user[at]]}`);
  }

  private count(): void {
    const { keys, users, failures } = this.block;
    const overlaysOf = this.block.texts.map(() => -1);
    for (let key = 0; key < this.keys; key++) {
      this.standing[key] = INACTIVE_STANDING;
      if (!this.isThere(key)) continue;
      const user = keys.user[key];
      const account = users.account[user];
      const sum = this.perAccount[account];
      const marks = keys.overlays[key];
      if (overlaysOf[marks] < 0) {
        const found = this.overlays(key);
        overlaysOf[marks] = (found.includes("EXEMPT") ? 1 : 0)
          | (found.includes("BLOCKED") ? 2 : 0) | (found.includes("RESTORED") ? 4 : 0);
      }
      sum.keys += 1;
      if (overlaysOf[marks] & 2) sum.blocked += 1;
      if (keys.breaks[key] === 1) sum.breaks += 1;
      if (keys.due[key] > 0 && keys.due[key] < this.block.day + 30) sum.due += 1;
      const before = this.first[user];
      if (keys.due[key] > 0 && (before < 0 || keys.due[key] < keys.due[before])) this.first[user] = key;
      if (!this.isActive(key)) {
        this.inactive[user] += 1;
        continue;
      }
      const age = keys.age[key];
      const exempt = Boolean(overlaysOf[marks] & 1) || users.exempt[user] === 1;
      this.active[user] += 1;
      this.oldest[user] = Math.max(this.oldest[user], age);
      sum.active += 1;
      sum.oldest = Math.max(sum.oldest, age);
      this.standing[key] =
        age <= this.policyOf(account)[0] ? 0
        : exempt ? 1
        : overlaysOf[marks] & 2 ? 2
        : overlaysOf[marks] & 4 ? 3
        : keys.state[key] === ROTATED ? 4
        : 5;
      if (this.standing[key] === 0) sum.within += 1;
    }
    // A user who is there only by a key that is gone is none of the account's any more.
    for (let user = 0; user < this.users; user++) {
      if (this.isUser(user)) this.perAccount[users.account[user]].users += 1;
    }
    for (const account of failures.account) this.perAccount[account].failures += 1;
  }

  /** Whether a user is there: not only as whom a key that is gone was of. */
  isUser(user: number): boolean {
    const { users } = this.block;
    return users.exempt[user] !== 2;
  }
}

export interface AccountSum {
  users: number;
  active: number;
  keys: number;
  within: number;
  oldest: number;
  blocked: number;
  breaks: number;
  due: number;
  failures: number;
}
