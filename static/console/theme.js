// What the theme leaves out for those who use no mouse, or no eyes: names of its boxes to
// choose from, and a search that keeps the focus while it is open.
"use strict";

(() => {
  // A box drawn over a <select> is called as that is; else it goes by its value alone.
  const nameBoxes = () => {
    document.querySelectorAll("select.select2-hidden-accessible").forEach((select) => {
      const name = select.labels[0]?.innerText.replace("*", "").trim();
      const box = select.nextElementSibling?.querySelector("[role=combobox]");
      if (!name || !box) return;
      const value = box.querySelector("[role=textbox]");
      value?.removeAttribute("role"); // what is chosen, not a second field
      value?.removeAttribute("aria-readonly");
      box.removeAttribute("aria-labelledby");
      box.setAttribute("aria-label", name);
      if (value?.id) box.setAttribute("aria-describedby", value.id);
    });
  };
  const watchBoxes = () => {
    if (!document.querySelector("select[class*=autocomplete]")) return;
    nameBoxes();
    // They are drawn some time after the page is there.
    new MutationObserver(nameBoxes).observe(document.body, { childList: true, subtree: true });
  };
  document.addEventListener("DOMContentLoaded", watchBoxes);

  // The list of organizations in the head closes like a menu.
  const closeLook = (event) => {
    const look = document.querySelector(".co-look[open]");
    if (!look || (event.type === "click" && look.contains(event.target))) return;
    if (event.type === "keydown" && event.key !== "Escape") return;
    if (look.contains(document.activeElement)) look.querySelector("summary").focus();
    look.open = false;
  };
  document.addEventListener("click", closeLook);
  document.addEventListener("keydown", closeLook);

  const keepFocus = () => {
    const field = document.getElementById("search-input-command");
    const search = field?.closest("[x-data]");
    if (!search) return;
    search.setAttribute("role", "dialog");
    search.setAttribute("aria-modal", "true");
    search.setAttribute("aria-label", "Search");
    field.setAttribute("aria-label", "Search");
    document.getElementById("command-submit")?.setAttribute("aria-label", "Search");
    field.placeholder = "Budgets, people, projects, models, alerts, requests, pages";
    document.getElementById("command-results-note")?.setAttribute("role", "status");
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-controls", "command-results");
    field.setAttribute("aria-autocomplete", "list");
    const active = () => search.querySelector(".co-hit.active");
    new MutationObserver(() => {
      field.setAttribute("aria-expanded", String(!!search.querySelector(".co-hit")));
      const hit = active();
      if (hit) field.setAttribute("aria-activedescendant", hit.id);
      else field.removeAttribute("aria-activedescendant");
    }).observe(search, { attributes: true, attributeFilter: ["class"], childList: true, subtree: true });
    // Enter opens the first, where none was chosen; the theme opens nothing, with an error.
    search.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter" || event.target !== field || active()) return;
        event.preventDefault();
        event.stopPropagation();
        search.querySelector(".co-hit a")?.click();
      },
      true,
    );
    document.addEventListener("keydown", (event) => {
      const isTyped = event.target.closest("input, textarea, select, [contenteditable=true]");
      if (event.key !== "/" || isTyped || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      window.dispatchEvent(new CustomEvent("opencommand"));
    });

    const isOpen = () => search.checkVisibility();
    let before = null; // what had the focus when it opened
    document.addEventListener("focusin", (event) => {
      if (search.contains(event.target)) return;
      if (isOpen()) field.focus();
      else before = event.target;
    });
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Tab") return;
      const stops = [...search.querySelectorAll("input, button, a[href]")].filter((one) => one.checkVisibility());
      const end = event.shiftKey ? stops[0] : stops.at(-1);
      if (document.activeElement !== end) return;
      event.preventDefault();
      (event.shiftKey ? stops.at(-1) : stops[0]).focus();
    });
    new MutationObserver(() => {
      if (!isOpen() && (search.contains(document.activeElement) || document.activeElement === document.body)) {
        before?.focus();
      }
    }).observe(search, { attributes: true, attributeFilter: ["style"] });
  };
  document.addEventListener("DOMContentLoaded", keepFocus);
})();
