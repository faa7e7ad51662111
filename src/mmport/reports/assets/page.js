"use strict";
(() => {
  const form = document.getElementById("filter");
  const rows = [...document.querySelectorAll("#rows tbody tr")];
  const count = document.getElementById("count");
  const names = ["implementation", "stage", "outcome"];
  const PREFIX = "#filter:";

  function apply() {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const kept =
        names.every((name) => !form.elements[name].value || row.dataset[name] === form.elements[name].value) &&
        words.every((word) => row.textContent.toLowerCase().includes(word));
      row.hidden = !kept;
      shown += kept;
    }
    count.textContent = `${shown} of ${rows.length}`;
  }

  // A filter can be linked to: #filter:stage=encoder&outcome=failed&text=tower
  function read() {
    if (!location.hash.startsWith(PREFIX)) return;
    const wanted = new URLSearchParams(location.hash.slice(PREFIX.length));
    for (const name of [...names, "text"]) form.elements[name].value = wanted.get(name) ?? "";
    apply();
    document.getElementById("measurements").scrollIntoView();
  }

  function write() {
    const wanted = new URLSearchParams();
    for (const name of [...names, "text"]) {
      if (form.elements[name].value) wanted.set(name, form.elements[name].value);
    }
    history.replaceState(null, "", wanted.size ? PREFIX + wanted : "#measurements");
  }

  form.hidden = false;
  form.addEventListener("input", () => { apply(); write(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { apply(); write(); }));
  for (const link of document.querySelectorAll("[data-filter]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      location.hash = PREFIX + link.dataset.filter;
      read();
    });
  }
  addEventListener("hashchange", read);
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details")) one.open = true;
  });
  apply();
  read();
})();
