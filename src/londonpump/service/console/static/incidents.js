// @ts-check
// Incidents with script: countdowns by the server's clock, rows made anew where they stand, and reports by one key.

import {byId, fetchPart, isLost, now, onLive, say, texts} from "./live.js";

const S_PER_MIN = 60, MAX_SHOWN_S = 1200;
/** @param {number} seconds */
const duration = (seconds) => seconds > MAX_SHOWN_S ? texts.over :
  `${Math.floor(seconds / S_PER_MIN)}:${String(Math.floor(seconds) % S_PER_MIN).padStart(2, "0")}`;

function count() {
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-due]"))) {
    const leftS = (Number(each.dataset.due) - now()) / 1000;
    each.textContent = say(leftS >= 0 ? "due" : "late", {time: duration(Math.abs(leftS))});
    each.classList.toggle("late", leftS < 0);
  }
}

/** Puts a page's content in place of the present one. The focus stays where it was, and a time that is typed is kept.
 * @param {string} html */
function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("refreshed");
  const focused = document.activeElement, old = byId("refreshed");
  if (!fresh) return;
  for (const input of old.querySelectorAll("input[name=at]")) {
    const same = /** @type {HTMLInputElement | null} */ (fresh.querySelector(`#${CSS.escape(input.id)}`));
    if (same) same.value = /** @type {HTMLInputElement} */ (input).value;
  }
  for (const each of old.querySelectorAll("details[open]")) fresh.querySelector(`#${CSS.escape(each.id)}`)?.setAttribute("open", "");
  old.replaceWith(document.importNode(fresh, true));
  if (focused?.id) document.getElementById(focused.id)?.focus();
  count();
}

async function refresh() {
  const response = await fetchPart(location.pathname).catch(() => null);
  if (response?.ok) show(await response.text());
}

document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches(".acts")) return;
  event.preventDefault();
  const problem = document.querySelector("#refreshed .problem");
  if (isLost()) {
    if (problem) problem.textContent = texts.blocked;
    return;
  }
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form, event.submitter)));
  const response = await fetchPart(form.action, {method: "POST", body}).catch(() => null);
  if (response?.ok) {
    const row = form.closest("tr")?.rowIndex ?? 0;
    show(await response.text());
    // the button that was pressed is gone: the next one of the same pump has the focus, or else the first of the page
    const buttons = document.getElementById("refreshed")?.querySelectorAll("button");
    (document.querySelectorAll("#refreshed table tr")[row]?.querySelector("button") ?? buttons?.[0])?.focus();
  } else if (problem && response?.status !== 401) problem.innerHTML = response ? await response.text() : texts.unknown_event;
});
document.addEventListener("keydown", (event) => {
  const at = /** @type {HTMLElement} */ (event.target), form = at.closest("form.acts");
  if (!form || at.matches("input") || event.altKey || event.ctrlKey || event.metaKey) return;
  const button = /** @type {HTMLButtonElement | null} */ (form.querySelector(`[data-letter="${CSS.escape(event.key.toUpperCase())}"]`));
  if (!button) return;
  event.preventDefault();
  button.click();
});
let isFirst = true;
onLive(() => { if (!isFirst) void refresh(); isFirst = false; });
setInterval(count, 1000);
count();
