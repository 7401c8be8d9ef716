// Opens the data, and keeps what is shown, the address and the form in step.

import "./page.css";
import { count, el, plural } from "./dom";
import { csv, save } from "./csv";
import { Fleet, day, opened } from "./data";
import { detail } from "./detail";
import { bitsOf, chosen, ordered, type Query, readQuery, writeQuery } from "./filter";
import { coverage, glance, target } from "./glance";
import { Grid } from "./grid";
import { type View, views } from "./views";

const OVERVIEW = "overview";
const place = document.getElementById("page") as HTMLElement;

class Page {
  private readonly views: View[];
  private readonly names: string[];
  private readonly main = el("div", { id: "view" });
  private readonly nav = el("nav", { "aria-label": "Lists" });
  private readonly dialog = el("dialog", { "aria-labelledby": "detail-title" });
  private query: Query;
  private overview?: HTMLElement;
  private readonly grids: Record<string, { grid: Grid; place: HTMLElement; show: () => void }> = {};
  private shown = "";
  private rows: number[] = [];

  constructor(private readonly fleet: Fleet) {
    this.views = views(fleet);
    this.names = [OVERVIEW, ...this.views.map((each) => each.id)];
    this.query = readQuery(location.hash, this.names);
    const unseen = fleet.unseen.length;
    place.replaceChildren(
      this.header(),
      ...(fleet.sawEverything ? [] : [el("p", { class: "unseen", role: "note" },
        unseen ? `${plural(unseen, "account")} not seen, or not whole: what is in them is in no figure and no list. ` : "Not known whether all accounts were seen. ",
        el("a", { href: "#accounts?sort=seen" }, "Show the accounts"))]),
      this.nav, this.main, this.footer(), this.dialog,
    );
    this.dialog.addEventListener("close", () => {
      if (this.query.key) this.go({ ...this.query, key: "" });
    });
    addEventListener("hashchange", () => this.read());
    addEventListener("keydown", (event) => {
      const field = document.getElementById("search");
      if (event.key === "/" && field && !/INPUT|SELECT/.test((event.target as Element).tagName)) {
        event.preventDefault();
        field.focus();
      }
    });
    this.draw();
  }

  private header(): HTMLElement {
    const { block } = this.fleet;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    return el("header", { class: "top" },
      el("div", {}, el("h1", {}, block.title),
        el("p", { class: "about" }, `The day of ${day(block.day)} (UTC), of snapshots of ${plural(block.trend.filter((each) => each[1] > 0).length, "day")}; made ${block.made.replace("T", " ").replace("Z", " UTC")}`)),
      el("div", { class: "tools" },
        ...block.links.map((each) => el("a", { href: each.path }, each.label)),
        el("button", { type: "button", onclick: () => {
          const root = document.documentElement;
          const is = root.dataset.theme ?? (dark.matches ? "dark" : "light");
          root.dataset.theme = is === "dark" ? "light" : "dark";
        } }, "Light or dark"),
        el("button", { type: "button", onclick: () => print() }, "Print")));
  }

  private footer(): HTMLElement {
    const licences = document.getElementById("licences")?.textContent ?? "";
    return el("footer", {},
      el("p", {}, "This file asks for nothing and sends nothing. It names users, keys and owners: keep it as you keep those. Keys: / searches, the arrows move in a list, Enter opens."),
      el("details", {}, el("summary", {}, "Licences of what this page is made with"), el("pre", { tabindex: 0 }, licences)));
  }

  private read(): void {
    this.query = readQuery(location.hash, this.names);
    this.draw();
  }

  /** Shows a query, and puts it into the address; a search that is typed leaves no steps back. */
  private go(query: Query, step = false): void {
    this.query = query;
    const hash = writeQuery(query);
    if (hash !== location.hash) {
      if (step) history.pushState(null, "", hash);
      else history.replaceState(null, "", hash);
    }
    this.draw();
  }

  private draw(): void {
    const { view } = this.query;
    place.classList.toggle(OVERVIEW, view === OVERVIEW);
    this.nav.replaceChildren(...this.names.map((name) => {
      const of = this.views.find((each) => each.id === name);
      return el("a", { href: `#${name}`, "aria-current": name === view ? "page" : undefined },
        of ? of.title : "Overview");
    }));
    if (view === OVERVIEW) this.drawOverview();
    else this.drawList(this.views.find((each) => each.id === view) as View);
    this.drawDetail();
  }

  private drawOverview(): void {
    this.overview ??= el("div", {}, coverage(this.fleet), target(this.fleet), glance(this.fleet));
    if (this.shown !== OVERVIEW) this.main.replaceChildren(this.overview);
    this.shown = OVERVIEW;
  }

  private drawList(view: View): void {
    const made = (this.grids[view.id] ??= this.list(view));
    if (this.shown !== view.id) this.main.replaceChildren(made.place);
    this.shown = view.id;
    made.show();
  }

  private list(view: View): { grid: Grid; place: HTMLElement; show: () => void } {
    const search = el("input", {
      type: "search", id: "search", "aria-label": `Search the ${view.title.toLowerCase()}`,
      placeholder: "Search: words, all of them", autocomplete: "off", spellcheck: "false",
      oninput: () => this.go({ ...this.query, q: search.value }),
    });
    const selects = view.facets.map((facet) => {
      const select = el("select", {
        "aria-label": facet.label,
        onchange: () => this.go({ ...this.query, facets: { ...this.query.facets, [facet.id]: select.value } }, true),
      });
      return { facet, select, label: el("label", {}, el("span", {}, facet.label), select) };
    });
    const chips = el("div", { class: "chips" });
    const said = el("output", { role: "status", for: "search" });
    const grid = new Grid(`grid-${view.id}`, view.title, view.columns,
      (row) => {
        const to = view.open(row, this.query);
        if (typeof to === "string") location.hash = to;
        else this.go({ ...this.query, key: this.fleet.block.keys.id[to] }, true);
      },
      (sort) => this.go({ ...this.query, sort }));
    const sortable = view.columns.filter((each) => each.only !== "csv");
    const sortBy = el("select", { "aria-label": "Order", onchange: () => this.go({ ...this.query, sort: sortBy.value }) },
      ...sortable.flatMap((each) => [el("option", { value: each.id }, each.label), el("option", { value: `-${each.id}` }, `${each.label}, from the other end`)]));
    const place = el("section", { class: "list", "aria-label": view.title },
      el("p", { class: "about" }, view.about),
      el("form", { role: "search", onsubmit: (event) => event.preventDefault() },
        search, ...selects.map((each) => each.label), el("label", { class: "narrow" }, el("span", {}, "Order"), sortBy),
        el("button", { type: "button", onclick: () => this.go({ ...this.query, q: "", facets: {}, sort: "" }, true) }, "Show all"),
        el("button", { type: "button", onclick: () => this.export(view) }, "Export as CSV")),
      chips, said, grid.element);
    let bits: Int32Array[] | undefined;
    const orders: Record<string, Int32Array> = {};
    const show = (): void => {
      const { query } = this;
      bits ??= view.facets.map((facet) => bitsOf(facet, view.length));
      if (search.value !== query.q) search.value = query.q;
      const on = view.chips.filter((each) => query.facets[each.id]);
      const sort = query.sort || view.sort;
      const by = view.columns.find((each) => each.id === sort.replace(/^-/, "")) ?? view.columns[0];
      const order = (orders[sort] ??= ordered(view.length, by.order ?? by.text, sort.startsWith("-")));
      const found = chosen(order, () => this.fleet.hay(view.hay), view.facets, bits, query,
        [view.only, ...on.map((each) => (row: number) => each.only(row, query.facets[each.id]))]);
      this.rows = found.rows;
      for (const { facet, select } of selects) {
        const all = facet.hidden ? "all that are there" : "all";
        select.replaceChildren(el("option", { value: "" }, all), ...facet.values.map((value, at) =>
          el("option", { value, selected: query.facets[facet.id] === value },
            `${facet.words ? facet.words(value) : value} (${count(found.counts[facet.id][at])})`)));
        select.value = query.facets[facet.id] ?? "";
      }
      sortBy.value = sort;
      chips.replaceChildren(...on.map((each) => el("button", {
        type: "button", onclick: () => this.go({ ...query, facets: { ...query.facets, [each.id]: "" } }, true),
        "aria-label": `Show all, not only: ${each.words(query.facets[each.id])}`,
      }, `${each.words(query.facets[each.id])} ×`)));
      said.textContent = `${plural(this.rows.length, view.one)} shown`;
      grid.show(this.rows, sort);
      // So that the first word that is typed finds it made.
      setTimeout(() => this.fleet.hay(view.hay), 100);
    };
    return { grid, place, show };
  }

  private export(view: View): void {
    const heads = view.columns.map((each) => each.label);
    const rows = this.rows.map((row) => view.columns.map((each) => each.text(row)));
    save(`keyturn-${view.id}-${day(this.fleet.block.day)}.csv`, csv([heads, ...rows]));
  }

  private drawDetail(): void {
    const key = this.query.key ? this.fleet.block.keys.id.indexOf(this.query.key) : -1;
    if (key < 0) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    this.dialog.replaceChildren(detail(this.fleet, key, () => this.dialog.close()));
    if (!this.dialog.open) this.dialog.showModal();
  }
}

async function open(): Promise<void> {
  const data = document.getElementById("data") as HTMLElement;
  const block = await opened(data.textContent ?? "");
  data.remove();
  new Page(new Fleet(block));
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

open().catch((error: unknown) => {
  place.replaceChildren(el("p", { class: "unseen" }, `This page could not be opened: ${String(error)}. It needs a browser of 2023 or later.`));
});
