// The preview beside a channel's form: it answers while one types.
"use strict";

(() => {
  const WAIT_MS = 350; // after the last key
  const section = document.querySelector("[data-preview]");
  const typed = document.querySelector("textarea[name=template]");
  if (!section || !typed) return;

  const place = document.getElementById("co-preview");
  let latest;
  let timer;

  const show = async () => {
    latest?.abort();
    latest = new AbortController();
    const open = place.querySelector("details")?.open;
    const body = new URLSearchParams({ type: section.dataset.type, template: typed.value });
    const token = typed.form.querySelector("[name=csrfmiddlewaretoken]").value;
    try {
      const answer = await fetch(section.dataset.preview, {
        method: "POST",
        body,
        headers: { "X-CSRFToken": token },
        credentials: "same-origin",
        signal: latest.signal,
      });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      place.innerHTML = await answer.text();
      if (open) place.querySelector("details").open = true;
    } catch (error) {
      if (error.name !== "AbortError") section.dataset.failed = String(error.message);
    }
  };

  typed.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, WAIT_MS);
  });
})();
