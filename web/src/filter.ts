// What is shown: the words that are searched for, the facets, the order; and all of it in the
// page's address, so that a link leads to the same.

export interface Query {
  view: string;
  q: string;
  sort: string;
  facets: Record<string, string>;
  key: string;
}

export function readQuery(hash: string, views: string[]): Query {
  const [view, ...rest] = hash.replace(/^#/, "").split("?");
  const query: Query = {
    view: views.includes(view) ? view : views[0], q: "", sort: "", facets: {}, key: "",
  };
  for (const [name, value] of new URLSearchParams(rest.join("?"))) {
    if (name === "q" || name === "sort" || name === "key") query[name] = value;
    else query.facets[name] = value;
  }
  return query;
}

export function writeQuery(query: Query): string {
  const found = new URLSearchParams();
  if (query.q) found.set("q", query.q);
  for (const [name, value] of Object.entries(query.facets)) if (value) found.set(name, value);
  if (query.sort) found.set("sort", query.sort);
  if (query.key) found.set("key", query.key);
  const text = found.toString();
  return `#${query.view}${text ? `?${text}` : ""}`;
}

/** A way to choose rows: each row has one value of it, or several. */
export interface Facet {
  id: string;
  label: string;
  values: string[];
  /** The value's words, where it is no word itself. */
  words?: (value: string) => string;
  /** Bits of the values that a row has, by their places in `values`. */
  of: (row: number) => number;
  /** Without a choice, rows that have only these are left out. */
  hidden?: number;
}

export interface Found {
  rows: number[];
  /** How many rows each value would leave, given the other facets: by facet, by value. */
  counts: Record<string, Uint32Array>;
}

const ALL = 0x7fffffff;

/** What a facet says of every row, worked out once. */
export function bitsOf(facet: Facet, length: number): Int32Array {
  const bits = new Int32Array(length);
  for (let row = 0; row < length; row++) bits[row] = facet.of(row);
  return bits;
}

/** The rows that hold every word and meet every facet, in the order in which they are given. */
export function chosen(
  order: Int32Array, hay: () => string[], facets: Facet[], bits: Int32Array[], query: Query,
  only: ((row: number) => boolean)[],
): Found {
  const words = query.q.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = words.length ? hay() : [];
  const masks = facets.map((facet) => {
    const at = facet.values.indexOf(query.facets[facet.id] ?? "");
    return at >= 0 ? 1 << at : ALL & ~(facet.hidden ?? 0);
  });
  const counts = facets.map((facet) => new Uint32Array(facet.values.length));
  const rows: number[] = [];
  search: for (let place = 0; place < order.length; place++) {
    const row = order[place];
    for (let at = 0; at < words.length; at++) if (!texts[row].includes(words[at])) continue search;
    for (let at = 0; at < only.length; at++) if (!only[at](row)) continue search;
    let failed = -1;
    for (let at = 0; at < masks.length; at++) {
      if (bits[at][row] & masks[at]) continue;
      if (failed >= 0) continue search;
      failed = at;
    }
    if (failed < 0) rows.push(row);
    for (let at = 0; at < masks.length; at++) {
      if (failed >= 0 && failed !== at) continue;
      let left = bits[at][row];
      const of = counts[at];
      for (let value = 0; left && value < of.length; value++, left >>= 1) of[value] += left & 1;
    }
  }
  return { rows, counts: Object.fromEntries(facets.map((each, at) => [each.id, counts[at]])) };
}

/** All rows in order; equal ones stay in theirs. */
export function ordered(length: number, by: (row: number) => number | string, down: boolean): Int32Array {
  const sign = down ? -1 : 1;
  let values: ArrayLike<number>;
  if (length && typeof by(0) === "string") {
    // Each text is placed once: comparing 20,000 again and again takes a second.
    const texts = Array.from({ length }, (_, row) => by(row) as string);
    const compare = new Intl.Collator("en", { numeric: true }).compare;
    const rank = new Map([...new Set(texts)].sort(compare).map((text, at) => [text, at]));
    values = texts.map((text) => rank.get(text) as number);
  } else {
    values = Float64Array.from({ length }, (_, row) => by(row) as number);
  }
  return Int32Array.from({ length }, (_, row) => row).sort((a, b) => sign * (values[a] - values[b]) || a - b);
}
