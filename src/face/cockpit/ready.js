// SPDX-License-Identifier: Apache-2.0
// Whether improvements can come and stay: what the status says of base, clock, repository,
// configuration, space and mounts.
import { element, fill, icon } from "./dom.js";
import { makeCard } from "./card.js";
import { format, moment, sentence } from "./words.js";
import { texts } from "./texts.js";

const ready = texts.ready;

function base(status) {
    const { support, version } = status;

    if (support && support.ended)
        return ["danger", sentence(support.text)];
    if (support)
        return support.until ? ["ok", format(ready.baseUntil, version, moment(support.until))] : ["info", sentence(support.text)];
    return ["ok", format(ready.baseOk, version)];
}

function clock(status) {
    const checks = status.checks || {};

    return checks.clock_is_behind ? ["danger", ready.clockBehind] : ["ok", ready.clockOk];
}

function repository(status) {
    const checks = status.checks || {};

    if (checks.problem)
        return ["warning", sentence(checks.problem)];
    if (!checks.expires)
        return ["info", ready.repositoryNever];
    return checks.fresh ? ["ok", format(ready.repositoryOk, moment(checks.expires))]
        : ["danger", format(ready.repositoryOld, moment(checks.expires))];
}

function configuration(status) {
    const mistakes = (status.policy && status.policy.mistakes) || [];

    if (status.configuration_problem)
        return ["danger", sentence(status.configuration_problem)];
    return mistakes.length > 0 ? ["warning", mistakes.map(sentence).join(" ")]
        : ["ok", format(ready.configurationOk, status.channel || texts.page.unknown)];
}

function space(status, properties) {
    const isFull = (properties.DeferredReasons || []).includes("disk-full") ||
        (properties.LastError || [])[0] === "NoSpace";

    return isFull ? ["danger", ready.spaceFull] : ["ok", ready.spaceOk];
}

function files(status) {
    const activation = status.activation || {};
    const cover = (activation.cover || [])[0];

    if (activation.problem)
        return ["danger", sentence(activation.problem)];
    if (activation.paused)
        return ["warning", ready.filesPaused];
    if (cover)
        return ["danger", format(ready.filesCovered, cover.path, cover.by)];
    const sealed = [...new Set((activation.image || []).map(image => image.sealed).filter(Boolean))];

    return sealed.length > 0 ? ["ok", format(ready.filesOk, sealed.join(", "))] : null;
}

const ROWS = { base, clock, repository, configuration, space, files };

// What `suture status --ready` looked at, where the status has it; else what follows from it.
function rowsOf({ status, properties }) {
    if (status && Array.isArray(status.ready))
        return status.ready.map(({ what, ok, text, remedy }) => [
            what, [ok ? "ok" : "danger", [text, remedy].filter(Boolean).map(sentence).join(" ")]]);
    return Object.entries(ROWS).map(([name, row]) => [name, status && row(status, properties)]).filter(([, result]) => result);
}

export function makeReady() {
    const rows = element("ul", { class: "ready-rows" });
    const card = makeCard("ready", texts.cards.ready, rows);

    function update(picture) {
        const known = rowsOf(picture);

        fill(rows, known, () => known.map(([name, [level, text]]) => element(
            "li", { "data-row": name, "data-level": level }, icon(level),
            element("span", { class: "for-readers" }, `${ready[level]}: `),
            element("span", null, element("strong", null, ready[name] || name), element("span", { class: "muted" }, text)))));
    }

    return { node: card.node, update };
}
