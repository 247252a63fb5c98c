// Forms around a budget: the panel that answers while one types, and progress bars.
"use strict";

(() => {
  const WAIT_MS = 350; // after the last key
  const POLL_MS = 2000;

  // Fetch *address* and show it in *place*; an older answer never replaces a newer one.
  const shower = (place) => {
    let latest;
    return async (address) => {
      latest?.abort();
      latest = new AbortController();
      place.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(address, { signal: latest.signal, credentials: "same-origin" });
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        place.innerHTML = await answer.text();
        place.removeAttribute("aria-busy");
      } catch (error) {
        if (error.name !== "AbortError") place.removeAttribute("aria-busy");
      }
    };
  };

  const budget = document.querySelector("form.co-budget");
  if (budget) {
    const show = shower(document.getElementById("co-preview"));
    let timer;
    const ask = () => {
      const fields = new FormData(budget);
      ["csrfmiddlewaretoken", "confirm", "preview", "note"].forEach((name) => fields.delete(name));
      fields.set("organization", budget.dataset.organization);
      if (budget.dataset.budget) fields.set("budget", budget.dataset.budget);
      show(`${budget.dataset.preview}?${new URLSearchParams(fields)}`);
    };
    budget.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, WAIT_MS);
    });
    budget.addEventListener("change", (event) => {
      const values = event.target.closest(".co-values");
      if (!values) return;
      const typed = values.querySelector("textarea").value.split("\n").filter((line) => line.trim());
      const count = values.querySelectorAll("input:checked").length + typed.length;
      values.querySelector("summary span").textContent = count ? `${count} chosen` : "Any";
    });
    budget.querySelector(".co-confirm")?.focus();
  }

  const move = document.querySelector("form.co-move");
  if (move) {
    const part = document.getElementById("co-part");
    const show = shower(part);
    move.querySelector("[name=parent]").addEventListener("change", async (event) => {
      await show(`${move.dataset.part}?part=1&parent=${encodeURIComponent(event.target.value)}`);
      const comparison = part.querySelector("table");
      move.querySelector("button[type=submit]").textContent = comparison ? "Move it" : "Compare";
    });
  }

  document.querySelectorAll("[data-progress]").forEach((place) => {
    const timer = setInterval(async () => {
      try {
        const answer = await fetch(place.dataset.progress, { credentials: "same-origin" });
        const { done } = await answer.json();
        if (done !== null) {
          place.querySelector("progress").value = done;
          return;
        }
        clearInterval(timer);
        // What is typed stays; the figures come with the next visit.
        place.textContent = "All that was spent before is counted now. Reload the page to see it.";
      } catch {
        // The next try may do.
      }
    }, POLL_MS);
  });
})();
