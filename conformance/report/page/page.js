"use strict";
(() => {
  const search = document.getElementById("search");
  const outcome = document.getElementById("outcome");
  const group = document.getElementById("group");
  const hits = document.getElementById("hits");
  const items = [...document.querySelectorAll("[data-item]")].map((el) => ({
    el, text: el.textContent.toLowerCase().replace(/\s+/g, " "), outcome: el.dataset.outcome, group: el.dataset.group,
  }));

  // What fits stays: every word of the search, the outcome and the group. A row of the matrix has no outcome.
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = words.length > 0 || outcome.value !== "" || group.value !== "";
    let shown = 0;
    for (const item of items) {
      const fits = words.every((word) => item.text.includes(word)) &&
        (outcome.value === "" || item.outcome === "" || item.outcome === outcome.value) &&
        (group.value === "" || item.group === group.value);
      item.el.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const list of document.querySelectorAll("[data-list]")) {
      const all = [...list.querySelectorAll("[data-item]")];
      list.querySelector(".nohit").hidden = all.length === 0 || all.some((el) => !el.hidden);
    }
    for (const button of document.querySelectorAll("[data-pick]")) {
      button.setAttribute("aria-pressed", String(button.dataset.pick === group.value));
    }
    hits.textContent = active ? `${shown} of ${items.length}` : "";
  };
  search.addEventListener("input", filter);
  outcome.addEventListener("change", filter);
  group.addEventListener("change", filter);
  for (const button of document.querySelectorAll("[data-pick]")) {
    button.addEventListener("click", () => {
      group.value = group.value === button.dataset.pick ? "" : button.dataset.pick;
      filter();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      search.focus();
    }
    if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      filter();
    }
  });

  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const pre = button.closest("h3").nextElementSibling;
      try {
        await navigator.clipboard.writeText(pre.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(pre); // no clipboard for pages from a file: the reader copies the selection
      }
    });
  }

  // On paper every finding is open; what was closed before is closed again after.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.finding:not([open])")];
    opened.forEach((el) => { el.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((el) => { el.open = false; }));
  filter();
})();
