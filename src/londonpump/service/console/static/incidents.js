// @ts-check
// Incidents with script: countdowns by the server's clock, rows made anew where they stand, and reports by one key.

import {byId, fetchPart, isLost, now, onLive, say, texts} from "./live.js";

const S_PER_MIN = 60, MAX_SHOWN_S = 1200, RETRY_MS = 1000, PATIENCE_MS = 10000;
let shownTag = document.body.dataset.tag, seenTag = shownTag;
let isStale = false, isRefreshing = false, isReporting = false, nReported = 0;
const problem = () => document.querySelector("#refreshed .problem");
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

/** The name of the pump whose row holds an element: it keeps the focus when the element is gone, and no key of it acts on another pump.
 * @param {Element | null} element */
const rowName = (element) => element?.closest("tr")?.querySelector("th[id]")?.id ?? "";

/** Puts a page's content in place of the present one. The focus, times that are typed and the reason of a refusal stay.
 * @param {string} html @param {URLSearchParams} [reported] what was just reported: its time goes, and the reason too */
function show(html, reported) {
  const page = new DOMParser().parseFromString(html, "text/html"), fresh = page.getElementById("refreshed");
  const focused = document.activeElement, old = byId("refreshed"), name = rowName(focused), why = problem();
  if (!fresh) return;
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (old.querySelectorAll("input[name=at]"))) {
    const same = /** @type {HTMLInputElement | null} */ (fresh.querySelector(`#${CSS.escape(input.id)}`));
    const isReported = input.id === `at-${reported?.get("mobilisation")}` && input.value === reported?.get("at");
    if (same && !isReported) same.value = input.value;
  }
  // a connection that is back needs no warning
  if (why && !reported && why.textContent !== texts.blocked) fresh.querySelector(".problem")?.replaceWith(why);
  for (const each of old.querySelectorAll("details[open]")) fresh.querySelector(`#${CSS.escape(each.id)}`)?.setAttribute("open", "");
  shownTag = page.body.dataset.tag;
  old.replaceWith(document.importNode(fresh, true));
  if (focused?.id) (document.getElementById(focused.id) ?? document.getElementById(name))?.focus();
  count();
}

/** Makes the page anew until it has succeeded. One at a time, and an answer that a report has overtaken is asked for again. */
async function refresh() {
  isStale = true;
  if (isRefreshing) return;
  isRefreshing = true;
  while (isStale) {
    isStale = false;
    const nBefore = nReported;
    const response = await fetchPart(location.pathname, {signal: AbortSignal.timeout(PATIENCE_MS)}).catch(() => null);
    const html = response?.ok ? await response.text().catch(() => "") : "";
    if (html && nBefore === nReported) show(html);
    else isStale = response?.status !== 403 && response?.status !== 404;
    if (!html && isStale) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  isRefreshing = false;
}

document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches(".acts")) return;
  event.preventDefault();
  // what is pressed meanwhile was meant for the row as it stood before
  if (isReporting) return;
  const explain = (/** @type {string} */ why) => { const box = problem(); if (box) box.innerHTML = why; };
  if (isLost()) return explain(texts.blocked);
  explain("");
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form, event.submitter))), name = rowName(form);
  const tagBefore = seenTag;
  isReporting = true;
  const options = {method: "POST", body, signal: AbortSignal.timeout(PATIENCE_MS)};
  const response = await fetchPart(form.action, options).catch(() => null), html = await response?.text().catch(() => "");
  isReporting = false;
  if (response?.ok && html) {
    nReported++;
    show(html, body);
    // the button that was pressed is gone. Of alarms the next has the focus; of pumps never another one
    const next = /** @type {HTMLElement | null} */ (document.querySelector(name ? `#${name}` : "#refreshed .acts button"));
    (next ?? byId("main")).focus();
    // a change that was seen meanwhile may be newer than this answer
    if (seenTag !== tagBefore) void refresh();
  } else if (response?.status !== 401) explain(html || texts.unknown_event);
});
document.addEventListener("input", (event) => {
  if (/** @type {HTMLElement} */ (event.target).matches(".acts input")) problem()?.replaceChildren();
});
document.addEventListener("keydown", (event) => {
  const at = /** @type {HTMLElement} */ (event.target), form = at.closest("form.acts") ?? at.closest("th[id]")?.parentElement?.querySelector("form.acts");
  if (!form || event.altKey || event.ctrlKey || event.metaKey) return;
  // a key that is held down reports once
  if (event.repeat && event.key === "Enter") event.preventDefault();
  if (event.repeat || at.matches("input")) return;
  const button = /** @type {HTMLButtonElement | null} */ (form.querySelector(`[data-letter="${CSS.escape(event.key.toUpperCase())}"]`));
  if (!button) return;
  event.preventDefault();
  button.click();
});
document.addEventListener("click", (event) => {
  // so does a double click: its second one would press what came in the place of the first
  if (event.detail > 1 && /** @type {HTMLElement} */ (event.target).closest(".acts button")) event.preventDefault();
});
onLive((_, tag) => { seenTag = tag; if (tag !== shownTag) void refresh(); });
setInterval(count, 1000);
count();
