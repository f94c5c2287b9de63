"use strict";
// The filters. Their state lives in the fragment: v = verdicts, i = implementation, s = scenario, q = text, c = the case to show.
const cases = [...document.querySelectorAll(".case")];
const form = document.getElementById("filters");
const buttons = [...form.querySelectorAll("button")];
const texts = new Map();

const state = () => new URLSearchParams(location.hash.slice(1));
const list = (text) => (text ? text.split(",") : []);

function textOf(row) {
  if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
  return texts.get(row);
}

function set(changes) {
  const next = state();
  for (const [key, value] of Object.entries(changes)) value ? next.set(key, value) : next.delete(key);
  history.replaceState(null, "", "#" + next);
  apply();
}

function apply() {
  const now = state();
  const verdicts = list(now.get("v"));
  const unexpected = verdicts.includes("unexpected");
  const named = verdicts.filter((verdict) => verdict !== "unexpected");
  const [name, scenario, target] = [now.get("i"), now.get("s"), now.get("c")];
  const words = (now.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of cases) {
    const data = row.dataset;
    const visible =
      (!unexpected || "u" in data) &&
      (!named.length || named.includes(data.v)) &&
      (!name || data.i.includes(` ${name} `)) &&
      (!scenario || data.s === scenario) &&
      (!target || row.id === "c=" + target) &&
      words.every((word) => textOf(row).includes(word));
    row.hidden = !visible;
    shown += visible;
    if (visible && target) row.open = true;
  }
  for (const button of buttons) button.setAttribute("aria-pressed", String(verdicts.includes(button.dataset.v)));
  form.elements.i.value = name || "";
  if (document.activeElement !== form.elements.q) form.elements.q.value = now.get("q") || "";
  const limits = [scenario && `in ${scenario}`, target && "one case"].filter(Boolean).join(", ");
  document.getElementById("shown").textContent = `${shown} of ${cases.length} shown${limits ? ", " + limits : ""}`;
  document.getElementById("none").hidden = shown > 0;
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    const verdict = button.dataset.v;
    const now = list(state().get("v"));
    set({ v: (now.includes(verdict) ? now.filter((other) => other !== verdict) : [...now, verdict]).join(","), c: "" });
  });
}
form.elements.i.addEventListener("change", (event) => set({ i: event.target.value, c: "" }));
form.elements.q.addEventListener("input", (event) => set({ q: event.target.value, c: "" }));
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", () => {
  apply();
  if (location.hash.length > 1) form.scrollIntoView();
});
apply();
if (location.hash.length > 1) form.scrollIntoView();
