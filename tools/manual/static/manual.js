/* Plays recordings, and gives pictures the theme that the reader chose. Nothing is fetched. */
"use strict";

function play(figure, frames, screen, button) {
  const began = performance.now();
  let next = 0;
  button.textContent = "Stop";
  const step = (now) => {
    while (next < frames.length && frames[next][0] * 1000 <= now - began) next += 1;
    if (next > 0) screen.innerHTML = frames[next - 1][1];
    screen.parentElement.scrollTop = screen.parentElement.scrollHeight;
    if (next < frames.length && figure.dataset.plays) requestAnimationFrame(step);
    else stop(figure, frames, screen, button);
  };
  figure.dataset.plays = "yes";
  requestAnimationFrame(step);
}

function stop(figure, frames, screen, button) {
  delete figure.dataset.plays;
  screen.innerHTML = frames[frames.length - 1][1];
  button.textContent = "Play";
}

function dress() {
  const chosen = document.body.dataset.theme;
  for (const source of document.querySelectorAll("picture > source")) {
    source.dataset.media ||= source.media;
    source.media = { dark: "all", light: "not all" }[chosen] || source.dataset.media;
  }
}

/* What is wider than its place is scrolled by keys, too. */
function letKeysScroll() {
  for (const it of document.querySelectorAll(".highlight pre, .table-wrapper")) {
    const wide = it.scrollWidth > it.clientWidth;
    if (wide) it.setAttribute("tabindex", "0");
    else it.removeAttribute("tabindex");
  }
}

addEventListener("resize", letKeysScroll);
addEventListener("DOMContentLoaded", () => {
  letKeysScroll();
  for (const figure of document.querySelectorAll("figure.recording")) {
    const frames = JSON.parse(figure.querySelector("script").textContent);
    const screen = figure.querySelector("pre");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Play";
    button.addEventListener("click", () => {
      if (figure.dataset.plays) delete figure.dataset.plays;
      else play(figure, frames, screen, button);
    });
    figure.querySelector(".controls").append(button);
  }
  dress();
  new MutationObserver(dress).observe(document.body, { attributeFilter: ["data-theme"] });
});
