// A table of any length: rows are made only where they are seen.

import {
  Virtualizer, elementScroll, observeElementOffset, observeElementRect,
} from "@tanstack/virtual-core";
import { type Child, count, el } from "./dom";

export interface Column {
  id: string;
  label: string;
  /** A track of CSS grid. */
  width: string;
  number?: boolean;
  /** On a narrow screen its heading stands before what it says, as before a number. */
  named?: boolean;
  cell: (row: number) => Child | Child[];
  /** What it is in a CSV; else what the cell says. */
  text: (row: number) => string | number;
  /** What it is put in order by; else `text`. */
  order?: (row: number) => number | string;
  /** Not shown in a row, but in the CSV. */
  only?: "csv";
}

const WIDE = 40;
const NARROW = 132;
const PRINTED = 1000;
/** More rows are on no screen; while a page is laid out for paper, the list has no end. */
const MOST_SEEN = 300;

export class Grid {
  readonly element: HTMLElement;
  private readonly scroller: HTMLElement;
  private readonly head: HTMLElement;
  private readonly body: HTMLElement;
  private readonly narrow = matchMedia("(max-width: 760px)");
  private readonly virtual: Virtualizer<HTMLElement, HTMLElement>;
  private readonly shown: Column[];
  private rows: number[] = [];
  private active = 0;
  private sort = "";
  private printing = false;
  private waits = false;

  constructor(
    private readonly id: string,
    label: string,
    columns: Column[],
    private readonly open: (row: number) => void,
    private readonly reorder: (sort: string) => void,
  ) {
    this.shown = columns.filter((each) => each.only !== "csv");
    this.head = el("div", { class: "row head", role: "row", "aria-rowindex": 1 });
    this.body = el("div", { class: "rows", role: "rowgroup" });
    this.scroller = el(
      "div",
      {
        class: "grid", role: "grid", tabindex: 0, id, "aria-label": label,
        "aria-colcount": this.shown.length, onkeydown: (event) => this.key(event as KeyboardEvent),
      },
      el("div", { role: "rowgroup", class: "heads" }, this.head),
      this.body,
    );
    this.element = this.scroller;
    this.scroller.style.setProperty("--columns", this.shown.map((each) => each.width).join(" "));
    this.virtual = new Virtualizer<HTMLElement, HTMLElement>({
      count: 0,
      getScrollElement: () => this.scroller,
      estimateSize: () => this.height,
      overscan: 12,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.drawSoon(),
    });
    this.virtual._didMount();
    this.narrow.addEventListener("change", () => this.update());
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
  }

  get height(): number {
    return this.narrow.matches ? NARROW : WIDE;
  }

  /** Shows these rows, in this order: `id`, or `-id` from the highest. */
  show(rows: number[], sort: string): void {
    this.rows = rows;
    this.active = 0;
    this.scroller.scrollTop = 0;
    this.scroller.setAttribute("aria-rowcount", String(rows.length + 1));
    if (sort !== this.sort) {
      this.sort = sort;
      this.drawHead();
    }
    this.update();
  }

  private update(): void {
    this.virtual.setOptions({ ...this.virtual.options, count: this.rows.length });
    this.virtual.measure();
    this.virtual._willUpdate();
    this.drawSoon();
  }

  /** However often it is asked for at a time, it is drawn once. */
  private drawSoon(): void {
    if (this.waits) return;
    this.waits = true;
    queueMicrotask(() => {
      this.waits = false;
      this.draw();
    });
  }

  private drawHead(): void {
    const down = this.sort.startsWith("-");
    const by = this.sort.replace(/^-/, "");
    this.head.replaceChildren(
      ...this.shown.map((column) => {
        const is = column.id === by;
        return el(
          "div",
          {
            role: "columnheader", class: column.number ? "number" : "",
            "aria-sort": is ? (down ? "descending" : "ascending") : "none",
          },
          el(
            "button",
            {
              type: "button",
              onclick: () => this.reorder(is && !down ? `-${column.id}` : column.id),
            },
            column.label,
            el("span", { "aria-hidden": "true", class: "arrow" }, is ? (down ? " ▼" : " ▲") : ""),
          ),
        );
      }),
    );
  }

  private draw(): void {
    if (!this.scroller.isConnected) return;
    const height = this.height;
    const items = this.printing
      ? this.rows.slice(0, PRINTED).map((_, index) => ({ index, start: 0 }))
      : this.virtual.getVirtualItems().slice(0, MOST_SEEN);
    this.body.style.height = this.printing ? "auto" : `${this.rows.length * height}px`;
    this.body.replaceChildren(...items.map(({ index, start }) => this.line(index, start)));
    if (!this.rows.length) this.body.replaceChildren(this.none());
    const more = this.rows.length - PRINTED;
    if (this.printing && more > 0) {
      const said = `${count(more)} more are not printed: the CSV has them all.`;
      this.body.append(el("p", { class: "none" }, said));
    }
    this.mark();
  }

  private none(): HTMLElement {
    const cell = el("div", { role: "gridcell", class: "none" }, "Nothing is to be shown.");
    return el("div", { role: "row", class: "row" }, cell);
  }

  private line(index: number, start: number): HTMLElement {
    const row = this.rows[index];
    const made = el(
      "div",
      {
        class: "row", role: "row", id: `${this.id}-${index}`, "aria-rowindex": index + 2,
        onclick: () => {
          this.active = index;
          this.mark();
          this.open(row);
        },
      },
      ...this.shown.map((column, at) => {
        const inside = column.cell(row);
        return el(
          "div",
          {
            role: "gridcell", class: `${column.number ? "number" : ""} ${column.named ? "named" : ""} ${at === 0 ? "lead" : ""}`,
            "data-label": column.label, title: String(column.text(row)),
          },
          ...(Array.isArray(inside) ? inside : [inside]),
        );
      }),
    );
    if (!this.printing) made.style.transform = `translateY(${start}px)`;
    return made;
  }

  private mark(): void {
    for (const each of this.body.querySelectorAll("[aria-selected]")) {
      each.removeAttribute("aria-selected");
    }
    const line = document.getElementById(`${this.id}-${this.active}`);
    line?.setAttribute("aria-selected", "true");
    if (line) this.scroller.setAttribute("aria-activedescendant", line.id);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  private key(event: KeyboardEvent): void {
    if (event.target !== this.scroller || !this.rows.length) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.height) - 2);
    const last = this.rows.length - 1;
    const to: Record<string, number> = {
      ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page,
      PageUp: this.active - page, Home: 0, End: last,
    };
    if (event.key === "Enter" || event.key === " ") this.open(this.rows[this.active]);
    else if (event.key in to) {
      this.active = Math.min(last, Math.max(0, to[event.key]));
      this.virtual.scrollToIndex(this.active);
      this.draw();
    } else return;
    event.preventDefault();
  }

  private print(begins: boolean): void {
    this.printing = begins;
    this.draw();
  }
}
