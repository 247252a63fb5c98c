// What became of a message that was just sent: looks until it is known.
"use strict";

(() => {
  const FIRST_MS = 500;
  const SLOWEST_MS = 5000;
  const place = document.getElementById("co-outcome");
  let wait = FIRST_MS;

  const look = async () => {
    try {
      const answer = await fetch(place.dataset.place, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const found = await answer.text();
      if (found.trim() !== place.innerHTML.trim()) place.innerHTML = found;
    } catch (error) {
      place.dataset.failed = String(error.message);
    }
    if (place.querySelector("[data-under-way]")) {
      wait = Math.min(wait * 1.2, SLOWEST_MS);
      setTimeout(look, wait);
    }
  };

  if (place?.querySelector("[data-under-way]")) setTimeout(look, wait);
})();
