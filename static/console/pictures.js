// Draws the charts of a page in its theme, and has the arrow keys go through them.
"use strict";

(() => {
  const CELL = 230; // pixels that one of many small charts takes, with its axis
  const BESIDE = 70; // pixels of the axis and between them
  const NAMED = 160; // pixels that a name takes above a chart
  const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

  const themeOf = () => (document.documentElement.classList.contains("dark") ? "dark" : "light");

  // Many small charts don't stretch by themselves.
  const fitted = (spec, width) => {
    if (!spec.facet) return spec;
    const columns = Math.max(1, Math.min(spec.columns, Math.floor(width / CELL)));
    const cell = Math.floor((width - BESIDE) / columns) - 20;
    return { ...spec, columns, spec: { ...spec.spec, width: cell } };
  };

  const start = (place, themes) => {
    const figure = place.closest("figure");
    const said = figure.querySelector(".co-said");
    const heads = [...figure.querySelectorAll("thead th")].map((one) => one.textContent.trim());
    const rows = [...figure.querySelectorAll("tbody tr")];
    const spec = JSON.parse(document.getElementById(place.dataset.picture).textContent);
    let view = null;
    let marked = -1;

    const draw = async () => {
      const theme = themeOf();
      const { legend, ...config } = themes[theme];
      const columns = Math.max(1, Math.floor(place.clientWidth / NAMED));
      const drawn = await window.vegaEmbed(place, fitted(spec, place.clientWidth), {
        ast: true, // without it expressions would need a looser policy
        actions: false,
        config: { ...config, legend: { ...legend, columns } },
        defaultStyle: false,
        mode: "vega-lite",
        renderer: "svg",
        tooltip: { theme },
      });
      view?.finalize();
      view = drawn.view;
      // The place has a name, what is marked is said, and the table has all of it.
      place.querySelector("svg").setAttribute("aria-hidden", "true");
      view.addEventListener("pointermove", (_, item) => mark(item?.datum?.place ?? -1));
    };

    const mark = (number) => {
      if (number === marked) return;
      marked = number;
      view.signal("marked", number).runAsync();
      const cells = rows[number] ? [...rows[number].cells].map((one) => one.textContent.trim()) : [];
      said.textContent = cells
        .map((text, place) => (place ? `${heads[place]} ${text}` : text))
        .filter((text, place) => cells[place])
        .join(" · ");
    };

    place.addEventListener("keydown", (event) => {
      const ends = { Home: 0, End: rows.length - 1 };
      const next = event.key in KEYS ? marked + KEYS[event.key] : ends[event.key];
      if (event.key === "Escape") mark(-1);
      if (next === undefined || !view) return;
      event.preventDefault();
      mark(Math.min(Math.max(next, 0), rows.length - 1));
    });
    place.addEventListener("focusout", () => view && mark(-1));
    place.addEventListener("pointerleave", () => view && mark(-1));

    const again = () => draw().catch(() => withoutPicture(place));
    new MutationObserver((_, watching) => {
      if (place.isConnected) again();
      else watching.disconnect(); // a newer part of the page has its own
    }).observe(document.documentElement, { attributeFilter: ["class"] });
    if (spec.facet) {
      let width = place.clientWidth;
      new ResizeObserver(() => {
        if (Math.abs(place.clientWidth - width) < 2) return;
        width = place.clientWidth;
        again();
      }).observe(place);
    }
    again();
  };

  // The table has all that a picture shows.
  const withoutPicture = (place) => {
    place.hidden = true;
    place.closest("figure").querySelector("details").open = true;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const themes = JSON.parse(document.getElementById("co-themes").textContent);
    const within = (part) =>
      part.querySelectorAll("[data-picture]").forEach((place) => {
        if (window.vegaEmbed) start(place, themes);
        else withoutPicture(place);
      });
    within(document);
    document.addEventListener("htmx:load", (event) => within(event.detail.elt));
  });
})();
