// @ts-check
// Keeps every page live: polls the board once a second, shows the server's clock, says at once when the connection is lost,
// renews the session in place, and handles the keys that lead to pages.

/** @typedef {{line: string, away: Record<string, string>, unknown: string[], session_ends_at_ms: number, session_ends: string}} Live */

const POLL_MS = 1000, HIDDEN_POLL_MS = 10000, PATIENCE_MS = 3000, LOST_AFTER_MS = 5000;
const MS_PER_MIN = 60000;
const body = document.body;
/** @type {Record<string, string>} */
export const texts = JSON.parse(body.dataset.texts ?? "{}");

/** The element of an id, which the page always has.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id @returns {T} */
export const byId = (id) => /** @type {T} */ (document.getElementById(id));

/** A text with its values in place. @param {string} key @param {Record<string, string | number>} [values] */
export const say = (key, values = {}) =>
  Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, String(value)), texts[key] ?? key);

// the server's clock, carried on by the monotonic clock of the browser: a PC whose clock is set or wrong changes nothing
let serverMs = Number(body.dataset.now), heardMs = performance.now();
export const now = () => serverMs + (performance.now() - heardMs);
const timeOf = new Intl.DateTimeFormat("en-GB", {timeZone: "Europe/London", timeStyle: "medium"});
/** @param {number} ms */
export const clockText = (ms) => timeOf.format(ms);

let tag = "", lastGoodMs = performance.now(), sessionEndsMs = Number(body.dataset.sessionEnds ?? 0), sessionEnds = "";
/** @type {((live: Live, tag: string) => void)[]} */
const listeners = [];
/** @type {Live | undefined} */
let known;
/** Calls a function with the state of the board and its tag, if one is known yet, and with every new one. @param {(live: Live, tag: string) => void} listener */
export const onLive = (listener) => {
  listeners.push(listener);
  if (known) listener(known, tag);
};
export const isLost = () => body.dataset.connection === "lost";

/** Fetches a part of the page. @param {string} address @param {RequestInit} [options] */
export async function fetchPart(address, options = {}) {
  const response = await fetch(address, {
    ...options, cache: "no-store", headers: {"Console-Part": "1", ...options.headers},
  });
  if (response.status === 401) askAgain(texts.session_ended);
  return response;
}

async function poll() {
  const began = performance.now();
  try {
    const response = await fetchPart("/console/live", {signal: AbortSignal.timeout(PATIENCE_MS), headers: {"If-None-Match": tag}});
    if (response.status === 401) return;
    if (!response.ok && response.status !== 304) throw new Error(String(response.status));
    const sentMs = Number(response.headers.get("Console-Time"));
    if (sentMs) {
      // half of the round trip has passed since the server wrote it
      serverMs = sentMs + (performance.now() - began) / 2;
      heardMs = performance.now();
    }
    byId("zone").textContent = response.headers.get("Console-Zone");
    if (response.status !== 304) {
      /** @type {Live} */
      const live = await response.json();
      tag = response.headers.get("ETag") ?? "";
      byId("status").innerHTML = live.line;
      sessionEndsMs = live.session_ends_at_ms;
      sessionEnds = live.session_ends;
      known = live;
      for (const listener of listeners) listener(live, tag);
    }
    lastGoodMs = performance.now();
  } catch {
    // said by `tick`, which knows since when
  }
  tick();
}

async function pollForEver() {
  for (;;) {
    await poll();
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, document.hidden ? HIDDEN_POLL_MS : POLL_MS);
      document.addEventListener("visibilitychange", () => { clearTimeout(timer); resolve(undefined); }, {once: true});
    });
  }
}

function tick() {
  const ageMs = performance.now() - lastGoodMs;
  byId("clock").textContent = clockText(now());
  for (const at of document.querySelectorAll("[data-board-at]")) at.textContent = clockText(now() - ageMs);
  for (const age of document.querySelectorAll("[data-board-age]"))
    age.textContent = `, ${say("age", {age: Math.floor(ageMs / 1000)})}`;
  const lost = byId("lost"), limitMs = document.hidden ? HIDDEN_POLL_MS + LOST_AFTER_MS : LOST_AFTER_MS;
  if (ageMs >= limitMs) {
    body.dataset.connection = "lost";
    const values = {since: clockText(now() - ageMs), age: Math.floor(ageMs / 1000)};
    // written once: an alert that changes each second would be read aloud each second
    if (!lost.firstChild) {
      const [before, after] = texts.lost.replace("{since}", values.since).split("{age}");
      const age = document.createElement("span");
      age.setAttribute("aria-live", "off");
      lost.append(before, age, after);
    }
    const age = lost.querySelector("span");
    if (age) age.textContent = String(values.age);
  } else if (isLost() || !body.dataset.connection) {
    body.dataset.connection = "live";
    lost.replaceChildren();
  }
  remindOfSession();
}

function remindOfSession() {
  const leftMin = (sessionEndsMs - now()) / MS_PER_MIN, reminder = byId("session");
  const isDue = sessionEndsMs > 0 && leftMin <= 30 && sessionEnds !== "";
  const mark = isDue ? (leftMin <= 5 ? "5" : "30") : "";
  // written when it becomes due and again for the last minutes, so that it is announced twice and not each second
  if (reminder.dataset.mark === mark) return;
  reminder.dataset.mark = mark;
  reminder.replaceChildren();
  if (!mark) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = say("renew", {time: sessionEnds});
  button.addEventListener("click", () => askAgain(""));
  reminder.append(button);
}

const again = /** @type {HTMLDialogElement} */ (byId("again"));
/** Shows the sign-in over the page. @param {string} why */
export function askAgain(why) {
  byId("again-why").textContent = why;
  if (!again.open) again.showModal();
}
again.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target), problem = form.querySelector(".problem");
  const response = await fetch(form.action, {
    method: "POST", body: new URLSearchParams(/** @type {any} */ (new FormData(form))), headers: {"Console-Part": "1"},
  }).catch(() => null);
  if (problem) problem.innerHTML = response && !response.ok ? await response.text() : "";
  if (!response?.ok) return;
  form.reset();
  again.close();
  tag = "";
  void poll();
});

/** @type {Record<string, () => void>} */
const keys = {
  F1: () => /** @type {HTMLDialogElement} */ (byId("help")).showModal(),
};
/** Names what a key does on this page. @param {string} name @param {() => void} act */
export const onKey = (name, act) => void (keys[name] = act);
for (const link of document.querySelectorAll("a[data-key]"))
  keys[link.getAttribute("data-key") ?? ""] = () => /** @type {HTMLAnchorElement} */ (link).click();
document.addEventListener("keydown", (event) => {
  const name = (event.altKey ? "Alt+" : "") + (event.ctrlKey ? "Ctrl+" : "") + (event.key.length === 1 ? event.key.toUpperCase() : event.key);
  if (!(name in keys) || again.open) return;
  event.preventDefault();
  keys[name]();
});

const help = byId("help-open");
help.hidden = false;
help.addEventListener("click", keys.F1);
byId("theme").addEventListener("change", async (event) => {
  const select = /** @type {HTMLSelectElement} */ (event.target);
  document.documentElement.dataset.theme = select.value;
  document.dispatchEvent(new Event("themechange"));
  await fetchPart("/console/theme", {method: "POST", body: new URLSearchParams({theme: select.value})}).catch(() => null);
});
setInterval(tick, 1000);
void pollForEver();
