// The budget tree: open and close branches in place, by mouse and by keyboard.
"use strict";

(() => {
  const table = document.querySelector(".co-tree");
  document.querySelectorAll("[data-submit]").forEach((field) =>
    field.addEventListener("change", () => {
      const day = document.querySelector(".co-day");
      if (field.name === "span" && day) {
        day.hidden = field.value !== "day";
        if (!day.hidden) return day.querySelector("input").focus();
      }
      field.form.requestSubmit();
    }),
  );
  if (!table) return;

  const body = table.tBodies[0];
  const said = document.getElementById("co-said");
  const levelOf = (row) => Number(row.dataset.level);
  const isOpen = (row) => row.getAttribute("aria-expanded") === "true";
  const rowOf = (id) => body.querySelector(`tr[data-id="${CSS.escape(id)}"]`);

  const below = (row) => {
    const rows = [];
    for (let next = row.nextElementSibling; next && levelOf(next) > levelOf(row); next = next.nextElementSibling) {
      rows.push(next);
    }
    return rows;
  };

  // What the reader has opened and closed, for this tab.
  const known = () => {
    try {
      return JSON.parse(sessionStorage.getItem(table.dataset.key)) || {};
    } catch {
      return {};
    }
  };
  const remember = (row) => {
    if ("filtered" in table.dataset) return;
    try {
      sessionStorage.setItem(table.dataset.key, JSON.stringify({ ...known(), [row.dataset.id]: isOpen(row) }));
    } catch {
      // Without storage the tree begins as it was sent.
    }
  };

  // Show what is below open rows, hide what is below closed ones.
  const settle = (row) => {
    let closed = isOpen(row) && !row.hidden ? Infinity : levelOf(row);
    for (const next of below(row)) {
      if (levelOf(next) <= closed) closed = Infinity;
      next.hidden = levelOf(next) > closed;
      if (!next.hidden && next.hasAttribute("aria-expanded") && !isOpen(next)) closed = levelOf(next);
    }
  };

  const linesFrom = async (address) => {
    const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    const template = document.createElement("template");
    template.innerHTML = await answer.text();
    return template.content;
  };

  const load = async (row) => {
    row.setAttribute("aria-busy", "true");
    try {
      const { id, level } = row.dataset;
      row.after(await linesFrom(`${table.dataset.children}&children=${id}&level=${Number(level) + 1}`));
      return true;
    } catch {
      said.textContent = "The budgets below could not be loaded. Please try again.";
      return false;
    } finally {
      row.removeAttribute("aria-busy");
    }
  };

  const setOpen = async (row, open, { quietly = false } = {}) => {
    if (!row.hasAttribute("aria-expanded") || isOpen(row) === open) return;
    if (open && !below(row).length && !(await load(row))) return;
    row.setAttribute("aria-expanded", String(open));
    settle(row);
    if (quietly) return;
    remember(row);
    const name = row.querySelector(".co-own").textContent;
    said.textContent = open ? `${name} is open` : `${name} is closed`;
  };

  const visible = () => [...body.querySelectorAll("tr.co-row:not([hidden])")];
  const focusOn = (row) => {
    if (!row) return;
    body.querySelectorAll('tr[tabindex="0"]').forEach((other) => (other.tabIndex = -1));
    row.tabIndex = 0;
    row.focus();
  };
  const parentOf = (row) => {
    let above = row.previousElementSibling;
    while (above && levelOf(above) >= levelOf(row)) above = above.previousElementSibling;
    return above;
  };

  body.addEventListener("click", async (event) => {
    const toggle = event.target.closest("a.co-toggle");
    const more = event.target.closest("a[data-more]");
    if ((!toggle && !more) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const row = event.target.closest("tr");
    if (toggle) {
      await setOpen(row, !isOpen(row));
      return;
    }
    try {
      row.replaceWith(await linesFrom(more.dataset.more));
    } catch {
      said.textContent = "More could not be loaded. Please try again.";
    }
  });

  body.addEventListener("keydown", async (event) => {
    const row = event.target;
    if (!row.matches("tr.co-row") || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = visible();
    const place = rows.indexOf(row);
    const keys = {
      ArrowDown: () => focusOn(rows[place + 1]),
      ArrowUp: () => focusOn(rows[place - 1]),
      Home: () => focusOn(rows[0]),
      End: () => focusOn(rows.at(-1)),
      ArrowRight: async () => {
        if (row.hasAttribute("aria-expanded") && !isOpen(row)) await setOpen(row, true);
        else if (isOpen(row)) focusOn(rows[place + 1]);
      },
      ArrowLeft: async () => {
        if (isOpen(row)) await setOpen(row, false);
        else focusOn(parentOf(row));
      },
      Enter: () => row.querySelector(".co-title").click(),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    await keys[event.key]();
  });

  const first = body.querySelector("tr.co-row");
  if (first) first.tabIndex = 0;
  if (!("filtered" in table.dataset)) {
    (async () => {
      for (const [id, open] of Object.entries(known())) {
        const row = rowOf(id);
        if (row) await setOpen(row, open, { quietly: true });
      }
    })();
  }
})();
