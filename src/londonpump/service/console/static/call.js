// @ts-check
// New call with script: matches while typing, the list that never moves by itself, recording by one key, and the draft of the tab.

import {byId, fetchPart, isLost, onKey, onLive, say, texts} from "./live.js";

/** @typedef {{label: string, detail: string, location: object, is_likely: boolean, is_certain: boolean}} Match */
/** @typedef {{user: string, place: string, type: string, property: string, key: string, chosen: string, incident: string, pending: string, pendingFor: string}} Draft */

const TYPING_PAUSE_MS = 150, MIN_LETTERS = 2, PATIENCE_MS = 10000, DRAFT = "londonpump-draft";
const form = /** @type {HTMLFormElement} */ (byId("call")), list = byId("list"), said = byId("said"), notice = byId("notice");
const place = /** @type {HTMLInputElement} */ (byId("place")), matchBox = byId("matches"), user = /** @type {HTMLInputElement} */ (byId("user")).value;
const type = /** @type {HTMLSelectElement} */ (byId("type")), property = /** @type {HTMLSelectElement} */ (byId("property"));
/** @type {Match[]} */
let matches = [];
let active = 0, searches = 0, rankings = 0, chosen = "", key = "", incident = "";
// the body whose answer is not known yet, and the call that it was made for
let pending = "", pendingFor = "";
// what is being withdrawn, until its answer is known: a new list must not take its ids away
/** @type {{values: URLSearchParams, what: string, done: HTMLElement, isSent: boolean} | null} */
let withdrawal = null;
// the choice that the list on the screen was made for: nothing is recorded from a list of another one
let listed = "";
// the place of the incident that the pumps are added to: another place is another incident
let joinedAt = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;
/** @type {Record<string, string>} */
let away = {};

/** Says a text to screen readers; what stands nowhere else on the page is shown too.
 * @param {string} text @param {boolean} [isShown] */
const announce = (text, isShown = false) => { said.textContent = text; said.classList.toggle("hidden", !isShown); };
/** Says above the list what no new list may take away. @param {string} text */
const notify = (text) => { notice.textContent = text; };
/** @param {string} state */
const mark = (state) => { form.dataset.state = state; };
/** @returns {HTMLInputElement[]} */
const ticks = () => [...list.querySelectorAll("input[name=pump]")].map((each) => /** @type {HTMLInputElement} */ (each));
/** @param {string} name @returns {string} */
const hidden = (name) => /** @type {HTMLInputElement | null} */ (list.querySelector(`input[name=${name}]`))?.value ?? "";

// ---- the place

place.addEventListener("input", () => {
  leavePlace();
  keepDraft();
  typing = setTimeout(search, TYPING_PAUSE_MS);
});

/** Forgets the matches of the text, also those that are still on their way: Enter must not take them for another text. */
function forgetMatches() {
  clearTimeout(typing);
  searches++;
  show([]);
}

/** Forgets what belongs to the place that was chosen before. */
function leavePlace() {
  forgetMatches();
  chosen = "";
  name();
  // an incident that was opened without a place keeps the first one that is typed
  if (incident && joinedAt) setIncident("", say("left", {incident}));
}

/** Shows the matches of what is typed. Returns whether they are those of this search.
 * @returns {Promise<boolean>} */
async function search() {
  const typed = place.value.trim(), mine = ++searches;
  show([]);
  if (typed.length < MIN_LETTERS) return false;
  const response = await fetchPart(`/console/places?q=${encodeURIComponent(typed)}`).catch(() => null);
  const found = response?.ok ? await response.json().catch(() => null) : null;
  // an answer that arrives after a newer one, or after another text was typed, is dropped
  if (mine !== searches || !found) return false;
  show(found);
  const isLikely = matches[0]?.is_likely !== false;
  announce(!matches.length ? texts.no_match : isLikely ? say("matches", {n: matches.length}) : texts.unlikely, !matches.length || !isLikely);
  return true;
}

/** @param {Match[]} found */
function show(found) {
  matches = found;
  active = 0;
  matchBox.replaceChildren(...found.map((match, i) => {
    const option = document.createElement("div"), detail = document.createElement("span");
    option.id = `match-${i}`;
    option.setAttribute("role", "option");
    detail.textContent = match.detail;
    option.append(match.label, " ", detail);
    // before `blur` of the field, which would close the box
    option.addEventListener("mousedown", (event) => { event.preventDefault(); take(i); });
    return option;
  }));
  matchBox.hidden = !found.length;
  place.setAttribute("aria-expanded", String(found.length > 0));
  // a place that was found without one of the typed words is never taken by Enter alone
  if (found[0]?.is_likely === false) active = -1;
  else choose(0);
}

/** @param {number} i */
function choose(i) {
  if (!matches.length) return place.removeAttribute("aria-activedescendant");
  active = (i + matches.length) % matches.length;
  [...matchBox.children].forEach((each, at) => each.setAttribute("aria-selected", String(at === active)));
  place.setAttribute("aria-activedescendant", `match-${active}`);
}

/** @param {number} i */
function take(i) {
  const match = matches[i];
  chosen = JSON.stringify({label: match.label, location: match.location, typed: place.value});
  forgetMatches();
  void rank();
}

place.addEventListener("keydown", async (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(active + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Escape") {
    show([]);
  } else if (event.key === "Enter" && !event.ctrlKey) {
    event.preventDefault();
    clearTimeout(typing);
    // Enter before the matches arrived: they are fetched now, and one is taken unseen only if the text means no other
    if (matches[active]) take(active);
    else if (chosen) void rank();
    else if (await search() && matches.filter((match) => match.is_certain).length === 1 && matches[0].is_certain) take(0);
  }
});
place.addEventListener("blur", () => show([]));
for (const field of [type, property])
  field.addEventListener("change", () => { keepDraft(); if (chosen) void rank(false); });
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const by = /** @type {HTMLButtonElement | null} */ (event.submitter);
  if (by?.id === "record") return void record();
  // with the text that it was found for: the service takes it for no other
  if (by?.name === "chosen") chosen = by.value;
  void rank();
});

/** Takes a point of the map as the place. @param {number} latitude @param {number} longitude */
export function takePoint(latitude, longitude) {
  leavePlace();
  place.value = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
  chosen = JSON.stringify({label: texts.centre, location: {latitude, longitude}, typed: place.value});
  void rank();
}

// ---- the list

/** Sends values. Returns nothing if no whole answer arrived, or if the service could not give any.
 * @param {string} address @param {URLSearchParams} values @param {AbortSignal} [signal] */
async function send(address, values, signal) {
  const response = await fetchPart(address, {method: "POST", body: values, signal}).catch(() => null);
  if (!response || response.status >= 500 || response.status === 401) return null;
  const html = await response.text().catch(() => "");
  return html ? {html, isOk: response.ok} : null;
}

/** Ranks the pumps for the chosen place. @param {boolean} [movesFocus] */
async function rank(movesFocus = true) {
  // another call begins when it is known what became of the last one; until then its pumps stay on the button
  if (pending) return warn(texts.unknown);
  const mine = ++rankings, typed = place.value;
  listed = "";
  mark("ranking");
  const values = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  for (const name of ["chosen", "key", "pump", "incident"]) values.delete(name);
  values.set("chosen", chosen);
  values.set("key", key);
  values.set("incident", incident);
  const answer = await send("/console/call", values);
  if (mine !== rankings) return;
  if (!answer) {
    // the list that stands is not taken away
    mark("failed");
    return announce(texts.failed, true);
  }
  list.innerHTML = answer.html;
  if (!answer.isOk) return mark("failed");
  key ||= hidden("key");
  // a text that was typed meanwhile belongs to no place yet
  if (place.value === typed) listed = chosen = hidden("chosen");
  setIncident(incident);
  keepDraft();
  compare();
  const rows = ticks();
  // never away from somebody who types again: digits would tick pumps
  if (movesFocus && place.value === typed) (rows[0] ?? list).focus();
  announce(rows.length ? say("ranked", {n: rows.length, pump: rows[0].value}) : "");
  mark(rows.length ? "ranked" : "empty");
  // after the list is painted: the map must never delay it
  requestAnimationFrame(() => setTimeout(() => document.dispatchEvent(new Event("ranked"))));
}

/** Strikes rows through whose pump cannot be sent any more, where they stand. */
function compare() {
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("tr[data-pump]"))) {
    const pump = row.dataset.pump ?? "", why = away[pump] ?? "", note = row.querySelector(".out");
    const tick = /** @type {HTMLInputElement} */ (row.querySelector("input[name=pump]"));
    if (!note || (row.dataset.out ?? "") === why) continue;
    row.dataset.out = why;
    // not `disabled`: that would take the focus away from the list
    tick.setAttribute("aria-disabled", String(Boolean(why)));
    if (why) tick.checked = false;
    note.textContent = why || say("back", {pump});
    announce(why ? say("out", {pump, why}) : say("back", {pump}));
  }
  name();
}
onLive((live) => { away = live.away; compare(); });

/** Writes the ticked pumps on the button. */
function name() {
  const button = list.querySelector("#record span");
  const pumps = pending ? new URLSearchParams(pending).getAll("pump") : ticks().filter((each) => each.checked).map((each) => each.value);
  const isOld = !pending && chosen !== hidden("chosen");
  if (button) button.textContent = isOld ? texts.old_list : pumps.length ? say("record", {pumps: pumps.join(", ")}) : texts.none_ticked;
  const first = hidden("first");
  list.dataset.why = String(pumps.length > 0 && first !== "" && !pumps.includes(first));
  document.dispatchEvent(new CustomEvent("ticked", {detail: pumps}));
}
list.addEventListener("change", name);
list.addEventListener("keydown", (event) => {
  const at = /** @type {HTMLElement} */ (event.target);
  if (event.altKey || event.ctrlKey || event.metaKey || at.matches("input:not([type]), input[type=text], #own-reason")) return;
  const rows = ticks(), pressed = event.key.toUpperCase();
  const reason = list.dataset.why === "true" && list.querySelector(`input[data-letter="${pressed}"]`);
  if (/^[1-9]$/.test(pressed) && rows[Number(pressed) - 1]) rows[Number(pressed) - 1].click();
  else if (pressed === "R") void rank();
  else if (reason) {
    /** @type {HTMLInputElement} */ (reason).checked = true;
    void record();
  } else if (/^ARROW(UP|DOWN)$/.test(pressed) && at.matches("input[name=pump]")) {
    const step = pressed === "ARROWDOWN" ? 1 : -1, i = rows.indexOf(/** @type {HTMLInputElement} */ (at));
    rows[(i + step + rows.length) % rows.length].focus();
  } else return;
  event.preventDefault();
});

// ---- recording

async function record() {
  if (isLost()) return announce(texts.blocked, true);
  if (form.dataset.state === "recording") return;
  const pumps = ticks().filter((each) => each.checked);
  if (!pending) {
    // only what is on the screen is recorded: no list that is being made anew, and none of another place than the field's
    if (form.dataset.state === "ranking" || !chosen || chosen !== listed) return announce(texts.changed, true);
    if (!pumps.length) return announce(texts.none_ticked, true);
    const values = new URLSearchParams(/** @type {any} */ (new FormData(form)));
    const reason = values.get("reason") || values.get("own_reason");
    if (list.dataset.why === "true" && !reason) {
      const why = byId("why");
      announce(why.querySelector("legend")?.textContent ?? "");
      /** @type {HTMLElement | null} */ (why.querySelector("input"))?.focus();
      return;
    }
    // from here on the same body goes under the same key until the answer is known: nothing can be recorded twice
    values.set("key", key);
    values.set("incident", incident);
    for (const name of ["place", "chosen", "incident_type", "property_category"]) values.delete(name);
    pending = values.toString();
    pendingFor = callText();
    keepDraft();
  }
  mark("recording");
  lock(true);
  const answer = await send("/console/record", new URLSearchParams(pending), AbortSignal.timeout(PATIENCE_MS));
  if (!answer) {
    mark("unknown");
    return warn(texts.unknown);
  }
  pending = "";
  key = crypto.randomUUID();
  lock(false);
  const part = document.createElement("div");
  part.innerHTML = answer.html;
  const done = /** @type {HTMLElement | null} */ (part.querySelector("#done"));
  if (done?.dataset.state !== "recorded") {
    mark("refused");
    keepDraft();
    return problem(done?.innerHTML ?? answer.html);
  }
  list.replaceChildren(done);
  listed = "";
  if (!withdrawal) notify("");
  // another call that was begun while the answer was not known stays in the fields
  if (callText() === pendingFor) clear();
  else {
    keepDraft();
    place.focus();
  }
  announce(done.querySelector(".said")?.textContent ?? "");
  mark("recorded");
}

/** Shows what is in the way, where the list or the record has its place for it. @param {string} html */
function problem(html) {
  const box = byId("refusal");
  box.innerHTML = html;
  announce(box.textContent?.trim() ?? "");
}
/** @param {string} text */
const warn = (text) => problem(Object.assign(document.createElement("p"), {className: "warn", textContent: text}).outerHTML);
/** @param {boolean} isLocked */
const lock = (isLocked) => { for (const tick of ticks()) tick.toggleAttribute("data-locked", isLocked); };

list.addEventListener("submit", (event) => event.preventDefault());
async function withdraw() {
  const done = byId("done"), ids = [...list.querySelectorAll("input[name=mobilisation]")].map((each) => /** @type {HTMLInputElement} */ (each).value);
  if (withdrawal?.isSent) return;
  if (isLost()) return announce(texts.blocked, true);
  // one without an answer is repeated before anything else is withdrawn
  if (!withdrawal && ids.length)
    withdrawal = {values: new URLSearchParams(ids.map((id) => ["mobilisation", id])), what: done.querySelector(".said")?.textContent ?? "", done, isSent: false};
  if (!withdrawal) return announce(texts.none_to_withdraw, true);
  const mine = withdrawal;
  mine.isSent = true;
  if (mine.done.isConnected && form.dataset.state !== "ranking") mark("withdrawing");
  const answer = await send("/console/withdraw", mine.values, AbortSignal.timeout(PATIENCE_MS));
  mine.isSent = false;
  if (form.dataset.state === "withdrawing") mark("recorded");
  if (!answer) return notify(`${texts.not_withdrawn} ${mine.what}`);
  withdrawal = null;
  const part = document.createElement("div"), isShown = mine.done.isConnected;
  part.innerHTML = answer.html;
  const text = (part.textContent ?? "").replace(/\s+/g, " ").trim();
  if (isShown && answer.isOk) list.replaceChildren(part);
  // a call that was begun meanwhile keeps its list and its state
  if (!isShown || form.dataset.state === "ranking") return notify(text);
  notify("");
  mark(answer.isOk ? "withdrawn" : "refused");
  if (answer.isOk) announce(text);
  else problem(answer.html);
}
list.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target), number = target.closest("button")?.dataset.incident;
  if (target.closest("#withdraw button")) void withdraw();
  else if (number !== undefined) setIncident(number);
  else if (!target.matches("input[aria-disabled=true], input[data-locked]")) return;
  event.preventDefault();
});

/** Sets the incident that the pumps are added to. @param {string} number none if empty @param {string} [why] */
function setIncident(number, why = "") {
  incident = number;
  joinedAt = place.value;
  const joined = /** @type {HTMLElement | null} */ (list.querySelector("#joined"));
  if (joined) {
    joined.hidden = !number && !why;
    byId("joined-text").textContent = number ? say("joined", {incident: number}) : why;
    /** @type {HTMLElement} */ (joined.querySelector("button")).hidden = !number;
  }
  if (why) announce(why);
  keepDraft();
}

// ---- the draft

/** The call in the fields. */
const callText = () => JSON.stringify([place.value, incident]);

function keepDraft() {
  /** @type {Draft} */
  const draft = {user, place: place.value, type: type.value, property: property.value, key, chosen, incident, pending, pendingFor};
  sessionStorage.setItem(DRAFT, JSON.stringify(draft));
}
function clear() {
  place.value = type.value = property.value = chosen = incident = "";
  sessionStorage.removeItem(DRAFT);
  place.focus();
}
/** Returns this user's draft. Another user's is dropped; a record of it without an answer is named first. @returns {Draft | null} */
function ownDraft() {
  /** @type {Draft | null} */
  const draft = JSON.parse(sessionStorage.getItem(DRAFT) ?? "null");
  if (!draft || draft.user === user) return draft;
  // keys belong to users: sent again by this one, the same body would be recorded again
  if (draft.pending) {
    const pumps = new URLSearchParams(draft.pending).getAll("pump").join(", "), [at, number] = JSON.parse(draft.pendingFor);
    notify(say("unanswered", {user: draft.user, pumps, place: at || number}));
  }
  sessionStorage.removeItem(DRAFT);
  return null;
}
function restore() {
  const draft = ownDraft();
  incident = hidden("incident");
  joinedAt = place.value;
  // before anything else, whatever the page was opened for: what may be recorded is asked again first
  if (draft?.pending) ({key, pending, pendingFor} = draft);
  if (list.querySelector("table")) {
    // made by the service before this script ran
    listed = chosen = hidden("chosen");
    key ||= hidden("key");
  } else if (draft && !incident) {
    ({key, chosen, incident} = draft);
    place.value = draft.place;
    type.value = draft.type;
    property.value = draft.property;
    setIncident(incident);
  }
  if (pending) {
    mark("unknown");
    // the list is gone; its button is still needed
    if (!list.querySelector("#record")) list.append(/** @type {HTMLTemplateElement} */ (byId("record-alone")).content.cloneNode(true));
    name();
    lock(true);
    warn(texts.unknown);
  } else if (listed) name();
  // a page that was opened to add pumps to an incident comes with its place
  else if (chosen || (incident && place.value)) void rank(Boolean(incident) && !chosen);
}

onKey("Alt+P", () => { place.focus(); place.select(); });
onKey("Alt+K", () => type.focus());
onKey("Alt+U", withdraw);
onKey("Alt+J", () => /** @type {HTMLElement | null} */ (list.querySelector(".same button[data-incident]"))?.click());
onKey("Ctrl+Enter", record);
byId("rank").hidden = true;
mark("ready");
restore();
const mapPanel = document.getElementById("map-panel");
// after the place field takes keys, and never while the browser has anything else to do
if (mapPanel) (window.requestIdleCallback ?? setTimeout)(() => void import("./map.js").then((map) => map.start(mapPanel, takePoint)));
