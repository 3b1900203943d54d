// The page of the live lab: asks what happened, and shows it. Everything is text: no HTML is made of strings.
"use strict";

const POLL = 1000; // milliseconds between two looks, while something is on its way
const TICK = 250; // … between two steps of a countdown
const AXIS = 35; // seconds that a row shows, until it needs more
const SHOWN = 44; // characters of a credential

const NAMES = { session: "Session", token: "Token" };
const STANDING = {
  out: ["Nobody signed in", ""],
  in: ["Ann is signed in", "good"],
  refused: ["Ann is refused", "bad"],
  disabled: ["Ann is disabled", "bad"],
};
const PHRASES = { 200: "OK", 204: "No Content", 401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable" };

const byId = (id) => document.getElementById(id);
const part = (root, name) => root.querySelector(`[data-part="${name}"]`);
const copyOf = (id) => byId(id).content.firstElementChild.cloneNode(true);
const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

let lab = null;
let seen = 0; // when it was asked, by the clock of this page
let queue = Promise.resolve();
let timer = 0;
const settled = {};

function write(root, name, text) {
  const element = part(root, name);
  if (element.textContent !== text) element.textContent = text;
  return element;
}

async function asked(path, form) {
  const answer = await fetch(path, {
    method: form ? "POST" : "GET",
    body: form && new URLSearchParams(form),
    headers: { Accept: "application/json" },
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(answer.status === 404 ? "The lab has forgotten you: press Start over." : body.detail);
  return body;
}

function act(name, value = "") {
  queue = queue.then(() => looked("/lab/act", { act: name, value }, name));
}

async function looked(path, form, name) {
  window.clearTimeout(timer);
  try {
    const found = await asked(path, form);
    byId("trouble").hidden = true;
    show(found);
    if (name && name !== "look") tell(told(name));
  } catch (error) {
    byId("trouble").textContent = error instanceof TypeError ? "The server does not answer. Try again." : error.message;
    byId("trouble").hidden = false;
    return;
  }
  const moving = lab.lanes.some((lane) => lane.copy?.running || left(lane) > -1);
  if (moving && !document.hidden) timer = window.setTimeout(look, POLL);
}

function look() {
  queue = queue.then(() => looked("/lab/state"));
}

function told(name) {
  if (name === "servers") return `There are ${count(lab.servers, "app server")} in each lane.`;
  return lab.lanes.map((lane) => `${NAMES[lane.id]}: ${lane.said}${ofCopy(lane)}`).join(" ");
}

function ofCopy(lane) {
  return lane.verdict ? ` ${lane.verdict.figure} ${lane.verdict.means}` : "";
}

function tell(text) {
  byId("told").textContent = text;
}

function left(lane) {
  return lane.expires_in === null ? -Infinity : lane.expires_in - (performance.now() - seen) / 1000;
}

function show(found) {
  lab = found;
  seen = performance.now();
  const span = Math.max(AXIS, ...lab.lanes.map((lane) => lane.copy?.age ?? 0));
  for (const lane of lab.lanes) showLane(byId(lane.id), lane, span);
  if (document.activeElement !== byId("servers")) byId("servers").value = lab.servers;
  document.querySelector("output").textContent = lab.servers;
  for (const radio of document.querySelectorAll("[name=token]")) radio.checked = radio.value === lab.token;
  tick();
}

function showLane(root, lane, span) {
  for (const name of ["title", "built", "said", "browser", "store", "app"]) write(root, name, lane[name]);
  const [words, tone] = STANDING[lane.standing];
  write(root, "standing", words).className = `pill ${tone}`;
  write(
    root,
    "each",
    lane.each ? `${count(Math.round(lane.each), "byte")} for each person, measured on ${lane.others} others.` : "0 bytes.",
  );
  showVerdict(root, lane);
  showServers(root, lane, span);
  showKept(root, lane);
  showMessages(root, lane);
}

function showVerdict(root, lane) {
  const verdict = lane.verdict;
  part(root, "verdict").className = `verdict ${verdict ? (verdict.good ? "good" : "bad") : "none"}`;
  write(root, "figure", verdict?.figure ?? "");
  const score = document.querySelector(`[data-score=${lane.id}]`);
  score.textContent = verdict?.figure ?? "";
  score.className = verdict ? (verdict.good ? "good" : "bad") : "";
  write(root, "means", verdict?.means ?? "How long is a copy good for? Steal one, or end what Ann has.");
  if (verdict?.settled && settled[lane.id] === false) tell(`${NAMES[lane.id]}:${ofCopy(lane)}`);
  settled[lane.id] = verdict ? verdict.settled : undefined;
}

function showServers(root, lane, span) {
  const body = part(root, "servers");
  while (body.rows.length > lane.apps.length) body.lastElementChild.remove();
  while (body.rows.length < lane.apps.length) body.append(copyOf("server"));
  lane.apps.forEach((app, at) => {
    const row = body.rows[at];
    write(row, "number", String(app.number));
    write(row, "requests", app.requests.toLocaleString("en"));
    write(row, "operations", app.operations.toLocaleString("en"));
    write(row, "besides", app.besides ? ` + ${app.besides.toLocaleString("en")}` : "");
    showFate(row, lane.copy, lane.copy?.rows[at]?.runs ?? [], span);
  });
  part(root, "besides-head").hidden = !lane.apps.some((app) => app.besides);
  const axis = part(root, "axis");
  const ends = lane.copy ? [lane.copy.stolen ? "stolen" : "copied", `${Math.round(span)} s later`] : [];
  axis.replaceChildren(...ends.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
}

function showFate(row, copy, runs, span) {
  const across = (seconds) => (1000 * seconds) / span;
  const shapes = runs.map((run, at) => {
    const until = runs[at + 1]?.since ?? Math.max(run.until, run.since + span / 150);
    return shape(across(run.since), across(until - run.since), run.said === "let in" ? "in" : "out");
  });
  if (copy?.ended != null) shapes.push(shape(across(copy.ended), 3, "end"));
  row.querySelector("svg").replaceChildren(...shapes);
  write(row, "fate", runs.at(-1)?.said ?? "");
  part(row, "fate").className = runs.length ? (runs.at(-1).said === "let in" ? "let-in" : "refused") : "";
}

function shape(x, width, kind) {
  const found = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const attributes = { x, y: 0, width: Math.max(width, 0), height: 10, class: kind };
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  return found;
}

function showKept(root, lane) {
  const list = part(root, "kept");
  const now = lane.kept.map((one) => one.value).join("\n");
  if (list.dataset.now === now) return;
  list.dataset.now = now;
  list.replaceChildren(...lane.kept.map((one) => kept(one, lane)));
}

function kept(one, lane) {
  const item = copyOf("kept");
  write(item, "name", one.name);
  write(item, "bytes", count(one.bytes, "byte"));
  write(item, "value", shortened(one.value));
  if (one.name !== "access_token" || lane.expires_in === null) return item;
  const life = copyOf("life");
  const bar = life.querySelector("progress");
  bar.max = lane.lifetime;
  bar.setAttribute("aria-label", "What is left of the access token");
  life.dataset.lane = lane.id;
  const claims = copyOf("claims");
  for (const [name, value] of Object.entries(lane.claims)) {
    const pair = document.createElement("div");
    pair.append(
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    );
    claims.querySelector("dl").append(pair);
  }
  item.append(life, claims);
  return item;
}

function shortened(text) {
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 12)}…${text.slice(-10)}` : text;
}

function showMessages(root, lane) {
  const list = part(root, "messages");
  part(root, "none").hidden = lane.messages.length > 0;
  const there = new Map([...list.children].map((item) => [item.dataset.id, item]));
  const newest = lane.messages[0] && !there.has(String(lane.messages[0].id));
  if (!newest && there.size === lane.messages.length) return;
  for (const open of list.querySelectorAll("details[data-opened]")) {
    open.open = false;
    delete open.dataset.opened;
  }
  list.replaceChildren(...lane.messages.map((one) => there.get(String(one.id)) ?? message(one)));
  const first = list.querySelector("details");
  if (first) {
    first.open = true;
    first.dataset.opened = "";
  }
}

function message(one) {
  const item = copyOf("message");
  item.dataset.id = one.id;
  const [line] = one.request.split("\n");
  write(item, "status", String(one.status)).className = `status ${one.status < 300 ? "good" : "bad"}`;
  write(item, "who", one.who);
  write(item, "to", `to ${one.to}`);
  write(item, "line", line.replace(" HTTP/1.1", ""));
  write(item, "request", lines(one.request));
  write(item, "answer", lines(`HTTP/1.1 ${one.status} ${PHRASES[one.status] ?? ""}\n${one.answer}`));
  write(item, "cost", costs(one));
  const details = item.querySelector("details");
  details.querySelector("summary").addEventListener("click", () => delete details.dataset.opened);
  return item;
}

function costs(one) {
  const asking = `${count(one.operations, "store operation")}, ${count(one.round_trips, "round trip")}`;
  const work = one.to.startsWith("app ") ? "the check" : "its work";
  return `${asking}; ${work} took ${one.microseconds.toLocaleString("en")} µs.`;
}

function lines(text) {
  return text.replace(/[\w.~-]{60,}/g, (long) => `${long.slice(0, 24)}…${long.slice(-8)}`);
}

function tick() {
  for (const life of document.querySelectorAll(".life")) {
    const seconds = Math.max(0, left(lab.lanes.find((lane) => lane.id === life.dataset.lane)));
    life.querySelector("progress").value = seconds;
    write(life, "left", seconds > 0 ? `expires in ${Math.ceil(seconds)} s` : "expired");
    life.classList.toggle("expired", seconds === 0);
  }
}

function begin() {
  for (const button of document.querySelectorAll("[data-act]")) {
    button.addEventListener("click", () => act(button.dataset.act));
  }
  const slider = byId("servers");
  slider.addEventListener("input", () => (document.querySelector("output").textContent = slider.value));
  slider.addEventListener("change", () => act("servers", slider.value));
  for (const radio of document.querySelectorAll("[name=token]")) {
    radio.addEventListener("change", () => act("token", radio.value));
  }
  document.addEventListener("visibilitychange", () => document.hidden || !lab || look());
  window.setInterval(tick, TICK);
  act("look");
}

begin();
