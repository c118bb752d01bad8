// SPDX-License-Identifier: Apache-2.0
// The page: what the agent says goes to every part of it, and what people do goes to the agent.
import { Admin } from "./admin.js";
import { Agent } from "./agent.js";
import { errorAlert, makeAlerts } from "./alerts.js";
import { makeButton } from "./card.js";
import { ask } from "./dialog.js";
import { announce, element, icon, setHidden, setText } from "./dom.js";
import { makeHistory } from "./history.js";
import { hasFailures, showImpact } from "./impact.js";
import { makeInstalled } from "./installed.js";
import { makeOffer } from "./offer.js";
import { makeReady } from "./ready.js";
import { makeSettings } from "./settings.js";
import { makeStatus } from "./status.js";
import { headline, isRestarting, target, version } from "./view.js";
import { describeError, format, moment, seconds, sentence } from "./words.js";
import { texts } from "./texts.js";

const cockpit = window.cockpit;
const TICK_MS = 1000;
const RELATIVE_TICKS = 30; // "5 minutes ago" needs no more
const GRANTED_SLACK = 60;  // seconds between what was asked for and what was granted that say nothing
const RESTART = 1;         // flag of Install()

const notices = new Map();
let picture = null;
let said = null;

function notice(item) {
    notices.set(item.key, { dismiss: () => {
        notices.delete(item.key);
        update();
    }, ...item });
    update();
}

function clear(...keys) {
    keys.forEach(key => notices.delete(key));
}

function fail(name, message, problem) {
    notice({ ...errorAlert("failure", describeError(name, message, problem), actions),
             name: (name || "Failed").replace(/^org\.suture\.Manager1\.Error\./, "") });
}

// What a call throws is shown; `then` gets what it returned.
async function attempt(call, then) {
    clear("failure", "outcome");
    try {
        const value = await call();

        if (then)
            await then(value);
    } catch (error) {
        fail(error.name, error.message, error.problem);
    }
    update();
}

// A job's end, where that is no success. `then` gets the report of one that is.
function ended({ result, error, text, report }, then) {
    if (result === "canceled")
        notice({ key: "outcome", kind: "info", title: texts.alerts.canceled, text: texts.alerts.canceledAbout });
    else if (result === "nothing")
        notice({ key: "outcome", kind: "info", title: texts.alerts.nothingToDo, text: sentence(text) });
    else if (result === "failed")
        fail(error, text);
    else if (then)
        then(report);
}

function tellInstalled(report) {
    const isStaged = report && report.grafted === false;
    const label = report && report.label ? report.label : picture.properties.DisplayVersion;

    notice({ key: "outcome", kind: hasFailures(report) ? "warning" : "success", more: report && !isStaged ? showImpact(report) : null,
             title: format(isStaged ? texts.alerts.staged : texts.alerts.installed, label) });
}

function tellRemoved(report) {
    notice({ key: "outcome", kind: hasFailures(report) ? "warning" : "success", more: showImpact(report),
             title: format(texts.alerts.removed, picture.properties.BaseVersion) });
}

// The settings show until when; what was not granted would go unseen there.
function tellGranted(until, [granted]) {
    const title = format(texts.settings.grantedUntil, moment(granted));

    if (until > 0 && seconds(granted) < until - GRANTED_SLACK)
        notice({ key: "outcome", kind: "info", title, text: texts.settings.grantedLess });
    else if (until > 0)
        announce(title);
}

const actions = {
    check: () => attempt(() => agent.run("check", "Check", 0), end => ended(
        end.result === "nothing" ? { result: "done" } : end, () => {
            if (!target(picture))
                announce(texts.alerts.nothing);
        })),
    install: (flags = 0) => attempt(() => agent.run("install", "Install", 0, flags), end => ended(end, tellInstalled)),
    async restart() {
        const item = target(picture);

        if (await ask({ id: "restart-dialog", title: format(texts.restart.title, version(picture, item && item.label)),
                        confirm: texts.available.restart, body: [element("p", null, texts.restart.text)] }))
            attempt(() => agent.run("install", "Install", 0, RESTART), end => end.result === "nothing" || ended(end));
    },
    remove: () => attempt(() => agent.run("remove", "Remove", 0), end => ended(end, tellRemoved)),
    preview: show => attempt(() => agent.run("preview", "Preview", "install"), end => ended(end, show)),
    // { report, stop }: the promise of the report, and what ends it for who does not wait any more.
    previewRemoval() {
        const started = agent.start("preview", "Preview", "remove");
        const report = started.then(({ end }) => end).then(({ result, text, report: told }) => {
            if (result !== "done")
                throw new Error(text);
            return told;
        });
        let isOver = false;

        report.catch(() => {}).then(() => (isOver = true));
        return { report, stop: () => started.then(({ job, end }) => isOver || agent.cancel(job).then(() => end)).catch(
            error => console.warn("preview:", error.message)) };
    },
    cancel: job => attempt(() => agent.cancel(job)),
    setAutomatic: mode => attempt(() => agent.call("SetAutomaticMode", mode)),
    postpone: until => attempt(() => agent.call("Postpone", Math.round(until * 1e6)), granted => tellGranted(until, granted)),
    mayTurnOnAdmin: () => admin.isPossible(),
    turnOnAdmin: () => attempt(() => admin.turnOn(), isOn => isOn &&
        notice({ key: "outcome", kind: "success", title: texts.admin.on })),
};

function makeMissing() {
    const text = element("p", { id: "missing-text", class: "muted" });
    const again = makeButton("missing-again", texts.page.tryAgain, "primary", () => agent.reopen());
    const service = makeButton("missing-service", texts.agent.services, "link",
                               () => cockpit.jump("/system/services#/sutured.service", cockpit.transport.host));
    const node = element("section", { id: "missing", class: "empty", role: "alert", hidden: true }, icon("danger"),
                         element("h2", null, texts.agent.missing), text, element("p", null, again, service));

    return { node, update: ({ problem }) => setText(
        text, [texts.agent.missingAbout, problem && problem !== "not-found" ? cockpit.message(problem) : ""].join(" ").trim()) };
}

function makeLoading() {
    return element("section", { id: "loading", class: "empty" }, icon("busy"), element("p", null, texts.page.loading));
}

// The mark beside the page's name in Cockpit's menu.
function tellMenu() {
    const { word } = headline(picture);
    const error = (picture.properties.LastError || [""])[0];
    const status = word === "failed" || error ? { type: "error", title: texts.notify.failed }
        : word === "restart-required" ? { type: "warning", title: texts.notify.restart }
            : word === "available" ? { type: "warning", title: texts.notify.available } : { type: null };
    const key = JSON.stringify(status);

    if (key !== said)
        cockpit.transport.control("notify", { page_status: status });
    said = key;
}

const page = document.getElementById("page");
const alerts = makeAlerts(actions);
const cards = [makeStatus(actions), makeSettings(actions), makeOffer(actions), makeInstalled(actions),
    makeReady(), makeHistory()];
const grid = element("div", { id: "cards", hidden: true }, ...cards.map(card => card.node));
const missing = makeMissing();
const loading = makeLoading();

function update() {
    const isReady = picture.phase === "ready";

    setHidden(loading, picture.phase !== "loading");
    setHidden(missing.node, picture.phase !== "missing");
    setHidden(grid, !isReady);
    setHidden(alerts.node, !isReady);
    page.setAttribute("aria-busy", picture.phase === "loading");
    document.body.dataset.phase = picture.phase;
    missing.update(picture);
    if (!isReady)
        return;
    alerts.update(picture, [...notices.values()]);
    cards.forEach(card => card.update(picture));
    tellMenu();
}

document.documentElement.lang = cockpit.language || "en";
document.title = texts.page.title;
page.append(element("header", null, element("h1", null, texts.page.title), element("p", { class: "muted" }, texts.page.about)),
            loading, missing.node, alerts.node, grid);
const admin = new Admin(() => agent.reopen());
const agent = new Agent(next => {
    picture = next;
    update();
});
let ticks = 0;
let wasRestarting = false;

window.setInterval(() => {
    const isTicking = isRestarting(picture);

    ticks++;
    if (picture.phase === "ready" && (isTicking || wasRestarting || ticks % RELATIVE_TICKS === 0))
        update();
    wasRestarting = isTicking;
}, TICK_MS);
