// SPDX-License-Identifier: Apache-2.0
// What is offered or waits for a restart: what it is, why it waits, and installing it.
import { element, fill, setDisabled, setHidden, setText } from "./dom.js";
import { keepFocus, makeBadge, makeButton, makeCard } from "./card.js";
import { exploitedBadge, showFixes } from "./fixes.js";
import { showImpact } from "./impact.js";
import { makeProgress } from "./progress.js";
import { fixesOf, installationOf, isBusy, isRestarting, jobOf, listOf, mayInstall, target, version } from "./view.js";
import { bytes, format, relative, sentence, waitReason } from "./words.js";
import { texts } from "./texts.js";

// What the state of an offer and a reason for waiting both tell.
const SAME = { "waits-for-rollout": "rollout", "on-hold": "held", "needs-newer-base": "newer-base",
               "removed-by-owner": "removed", "failed-before": "failed-before" };
const URGENT = { low: "info", medium: "info", high: "warning", critical: "danger" };

function facts(item) {
    const { download_bytes: size, downloaded, published } = item.details;

    return [item.isPending ? texts.available.ready
        : downloaded ? texts.available.downloaded
            : size > 0 ? format(texts.available.toDownload, bytes(size)) : null,
            published ? format(texts.available.published, relative(published)) : null].filter(Boolean).join(" · ");
}

function badges(item, fixes) {
    const urgency = item.details.urgency;

    return [urgency ? makeBadge(texts.urgency[urgency] || urgency, URGENT[urgency] || "info") : null,
            isExploited(item, fixes) ? exploitedBadge() : null];
}

function isExploited(item, fixes) {
    return Boolean(item.details.exploited) || fixes.some(fix => fix.exploited);
}

// The state of the offer first, with the agent's own sentence where that knows more, then the other
// reasons for waiting.
function reasons(picture, item) {
    const told = listOf(picture.status && picture.status.deferred);
    const state = item.state === "removed-by-owner" ? texts.offer[item.state] : item.details.why || texts.offer[item.state];
    const words = listOf(picture.properties.DeferredReasons)
            .filter(word => !state || word !== SAME[item.state])
            .map(word => waitReason(word, (told.find(each => each.reason === word) || {}).text));

    return [state, ...words].filter(Boolean).map(sentence);
}

function makeSection(id, ...children) {
    const title = element("span");
    const body = element("div", { class: "details-body" }, ...children);
    const node = element("details", { id }, element("summary", null, title), body);

    return { node, title, body };
}

function makePreview(actions) {
    const look = makeButton("preview", texts.available.look, "secondary", () => actions.preview(show));
    const progress = makeProgress("preview-progress", actions.cancel);
    const result = element("div", { id: "preview-result", "aria-live": "polite" });
    const section = makeSection("impact", element("p", { class: "muted" }, texts.available.impactAbout),
                                look, progress.node, result);
    let shown = null;

    section.title.textContent = texts.available.impact;

    function show(report) {
        result.replaceChildren(...showImpact(report));
        setText(look, texts.available.lookAgain);
    }

    function update(picture, item) {
        const job = jobOf(picture, "preview");

        if (shown !== item.sequence) {
            result.replaceChildren();
            setText(look, texts.available.look);
        }
        shown = item.sequence;
        setHidden(section.node, item.isPending || !mayInstall(picture));
        progress.update(job || null);
        setHidden(look, Boolean(job));
        setDisabled(look, isBusy(picture));
    }

    return { node: section.node, update };
}

export function makeOffer(actions) {
    const title = element("h3", { id: "offer-title", class: "offer-title" });
    const marks = element("span", { class: "badges" });
    const summary = element("p", { id: "offer-summary" });
    const about = element("p", { id: "offer-facts", class: "muted" });
    const waits = element("div", { id: "offer-waits" });
    const fixes = makeSection("fixes");
    const preview = makePreview(actions);
    const progress = makeProgress("progress", actions.cancel);
    const install = makeButton("install", texts.available.install, "primary", () => actions.install());
    const restart = makeButton("restart", texts.available.restart, "primary", () => actions.restart());
    const buttons = element("div", { class: "offer-actions" }, install, restart);
    const forbidden = element("p", { id: "install-forbidden", class: "muted" }, texts.available.byHand);
    const none = element("p", { id: "offer-none", class: "muted" });
    const offer = element("div", { id: "offer" },
                          element("div", { class: "offer-head" },
                                  element("div", { class: "offer-text" }, element("div", { class: "offer-line" }, title, marks),
                                          summary, about),
                                  element("div", { class: "offer-slot" }, buttons, progress.node)),
                          forbidden, waits, fixes.node, preview.node);
    const card = makeCard("available", texts.cards.available, none, offer);

    function updateButtons(picture, item) {
        const { RestartNeeded, PendingSequence } = picture.properties;
        const isStaged = PendingSequence > 0 && RestartNeeded !== "none";
        const isWorking = Boolean(installationOf(picture));

        setHidden(install, isWorking || item.isPending);
        setDisabled(install, !mayInstall(picture) || isBusy(picture));
        setHidden(restart, isWorking || !isStaged);
        setDisabled(restart, isBusy(picture) || isRestarting(picture) ||
            picture.properties.ManualInstallAllowed === false);
    }

    function updateItem(picture, item) {
        const known = fixesOf(picture, item.details.cves);
        const why = reasons(picture, item);

        setText(title, version(picture, item.label));
        fill(marks, [item.details.urgency, isExploited(item, known)], () => badges(item, known));
        setText(summary, sentence(item.details.summary));
        setText(about, facts(item));
        fill(waits, why, () => why.length === 0 ? [] : [
            element("p", { class: "waits-title" }, texts.available.waits),
            element("ul", null, ...why.map(each => element("li", null, each)))]);
        setHidden(fixes.node, known.length === 0);
        setText(fixes.title, format(texts.available.fixes, known.length));
        fill(fixes.body, known, () => showFixes(known));
        setHidden(forbidden, picture.properties.ManualInstallAllowed !== false);
        preview.update(picture, item);
        updateButtons(picture, item);
    }

    function nothing(picture) {
        const successor = picture.status && picture.status.support && picture.status.support.superseded_by;

        return [texts.available.none, successor && format(texts.available.successor, successor)].filter(Boolean).join(" ");
    }

    function update(picture) {
        const item = target(picture);

        setHidden(none, Boolean(item));
        setHidden(offer, !item && !installationOf(picture));
        progress.update(installationOf(picture) || null);
        if (item)
            updateItem(picture, item);
        else
            setText(none, nothing(picture));
    }

    return { node: card.node, update: picture => keepFocus(card.node, () => update(picture)) };
}
