// The bar of Explore: days are asked for only where they are chosen.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const span = document.querySelector(".co-explore select[name=span]");
  const fields = document.querySelectorAll(".co-explore [data-days]");
  const show = () => fields.forEach((field) => {
    field.hidden = span.value !== "days";
    field.querySelector("input").disabled = field.hidden;
  });
  if (span) {
    span.addEventListener("change", show);
    show();
  }
});
