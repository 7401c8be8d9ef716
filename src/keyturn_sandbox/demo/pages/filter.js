"use strict";
(() => {
  const filter = document.querySelector(".filter");
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!filter || !rows.length) return;
  const groups = [...document.querySelectorAll("[data-group]")].reverse();
  const text = new Map(rows.map((row) => [row, (row.dataset.row + " " + row.textContent).toLowerCase()]));
  const words = filter.querySelector("[name=words]");
  const state = filter.querySelector("[name=state]");
  const count = filter.querySelector("output");

  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const only = state ? state.value : "";
    let shown = 0;
    for (const row of rows) {
      row.hidden =
        !wanted.every((word) => text.get(row).includes(word)) ||
        (only !== "" && !row.dataset.states.split(" ").includes(only));
      shown += !row.hidden;
    }
    for (const group of groups) group.hidden = !group.querySelector("[data-row]:not([hidden])");
    count.textContent = `${shown} of ${rows.length}`;
  };
  const openTarget = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches("details")) target.open = true;
  };

  filter.addEventListener("input", apply);
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("reset", () => setTimeout(apply));
  window.addEventListener("hashchange", openTarget);
  filter.hidden = false;
  apply();
  openTarget();
})();
