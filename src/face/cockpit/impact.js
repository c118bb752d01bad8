// SPDX-License-Identifier: Apache-2.0
// What restarts or restarted, from the report of a preview, an installation or a removal: the
// "impact" and "scope" of suture(1), where the units are those of suture-restart(8).
import { element } from "./dom.js";
import { format, sentence } from "./words.js";
import { texts } from "./texts.js";

const RESTARTS = ["restart", "reload", "reexecute"];
const FATES = ["would", "did", "unfinished", "failed", "not-tried"];

function fateOf(unit) {
    if (!RESTARTS.includes(unit.action))
        return "stays";
    if (unit.result === "unfinished" || unit.result === "not-tried")
        return unit.result;
    if (unit.failed)
        return "failed";
    return unit.result ? "did" : "would";
}

function nameOf(unit) {
    const count = (unit.pids || []).length;
    const processes = count === 1 ? texts.impact.process : format(texts.impact.processes, count);

    return unit.user_unit || unit.unit || format(texts.impact.noUnit, processes);
}

function listUnits(title, units, fate) {
    return element("div", { class: "impact-group", "data-fate": fate },
                   element("p", { class: "impact-title" }, title),
                   element("ul", null, ...units.map(unit => element(
                       "li", null, element("span", { class: "unit" }, nameOf(unit)),
                       fate === "stays" && unit.advice ? element("span", { class: "muted" }, ` – ${sentence(unit.advice)}`) : null,
                       unit.problem ? element("span", { class: "muted" }, ` – ${sentence(unit.problem)}`) : null))));
}

export function hasFailures(report) {
    const restarts = (report && report.impact && report.impact.restarts) || {};

    return Boolean(report && report.problem) || (restarts.units || []).some(unit => fateOf(unit) === "failed");
}

// The nodes that show a report; nothing for one that is not there.
export function showImpact(report) {
    const impact = report && report.impact;
    const restarts = (impact && impact.restarts) || {};
    const units = restarts.units || [];
    const nodes = [];

    if (!report)
        return [];
    if (!impact)
        nodes.push(element("p", null, texts.impact.unknown));
    else if (restarts.manager === false)
        nodes.push(element("p", null, texts.impact.noManager));
    else if (units.length === 0)
        nodes.push(element("p", null, texts.impact.nothing));
    if (report.dry_run && impact && impact.exposed > 0)
        nodes.push(element("p", { class: "muted" }, format(texts.impact.programs, impact.exposed)));
    for (const fate of [...FATES, "stays"]) {
        const of = units.filter(unit => fateOf(unit) === fate);

        if (of.length > 0)
            nodes.push(listUnits(texts.impact[fate], of, fate));
    }
    if (report.dry_run && report.scope in texts.scope && (report.scope !== "services" || units.length > 0))
        nodes.push(element("p", { class: "muted" }, texts.scope[report.scope]));
    if (report.problem)
        nodes.push(element("p", null, sentence(report.problem)));
    return nodes;
}
