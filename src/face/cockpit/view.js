// SPDX-License-Identifier: Apache-2.0
// What follows from the agent's words for what is shown: pure, and the same for all cards.
import { now, seconds } from "./words.js";

const WORKING = ["checking", "downloading", "staging", "installing", "removing"];
const INSTALLING = ["acquire", "install", "install-file", "maintain"];
// Of these an installation by hand makes something.
const BY_HAND = ["available", "removed-by-owner"];

// What should be a list and is none is an empty one: a wrong answer must not take the page away.
export function listOf(value) {
    return Array.isArray(value) ? value : [];
}

export function isBusy(picture) {
    return WORKING.includes(picture.properties.State) || Boolean(jobOf(picture, "check", "remove", ...INSTALLING));
}

export function jobOf(picture, ...types) {
    return [...picture.jobs.values()].find(job => types.includes(job.type));
}

export function installationOf(picture) {
    return jobOf(picture, ...INSTALLING);
}

function offerOf(picture) {
    return (picture.status && picture.status.offer) || {};
}

// What the advisories say of an improvement, in the words of an offer.
function noted(picture, sequence) {
    const { title, urgency, cves, exploited, date } = picture.improvements.get(sequence) || {};

    return { summary: title, urgency, cves, exploited, published: date };
}

// The improvement that the page is about: what is offered, or else what waits for a restart.
export function target(picture) {
    const { AvailableSequence, AvailableLabel, AvailableState, PendingSequence, PendingLabel } = picture.properties;
    const isPending = PendingSequence > 0 && PendingSequence >= AvailableSequence;
    const offer = offerOf(picture);

    if (!(AvailableSequence > 0) && !(PendingSequence > 0))
        return null;
    return {
        sequence: isPending ? PendingSequence : AvailableSequence,
        label: isPending ? PendingLabel : AvailableLabel,
        state: isPending ? "staged" : AvailableState,
        isPending,
        details: { ...noted(picture, isPending ? PendingSequence : AvailableSequence),
                   ...(offer.sequence === (isPending ? PendingSequence : AvailableSequence) ? offer : {}) },
    };
}

// "26.3.1 (a)" of "(a)", and "26.3.1" of ""
export function version(picture, label) {
    const base = picture.properties.BaseVersion || "";

    return label && !label.startsWith(base) ? `${base} ${label}` : label || base;
}

export function mayInstall(picture) {
    const item = target(picture);

    return Boolean(item) && !item.isPending && BY_HAND.includes(item.state) &&
        picture.properties.ManualInstallAllowed !== false;
}

export function isSupported(picture) {
    return !(picture.status && picture.status.support && picture.status.support.ended);
}

export function isRestarting(picture) {
    return seconds(picture.properties.RestartAtUSec) > now();
}

// The word for the state and the icon that goes with it.
export function headline(picture) {
    const { State, AvailableSequence, AvailableState, Sequence, LastCheckUSec, LastError } = picture.properties;
    const icons = { available: "warning", "restart-required": "warning", trial: "ok", failed: "danger" };

    if (WORKING.includes(State))
        return { word: State, icon: "busy" };
    if (State && State !== "idle")
        return { word: State, icon: icons[State] || "info" };
    if (!isSupported(picture))
        return { word: "unsupported", icon: "warning" };
    if (AvailableSequence > 0)
        return AvailableState === "removed-by-owner" ? { word: "removed", icon: "warning" }
            : { word: "waiting", icon: "info" };
    if (!(LastCheckUSec > 0))
        return { word: "unchecked", icon: "info" };
    return { word: Sequence > 0 ? "idle" : "base", icon: LastError && LastError[0] ? "warning" : "ok" };
}

// Fixes of these ids with all that is known of each.
export function fixesOf(picture, ids) {
    return listOf(ids).map(cve => picture.fixes.get(cve) || { cve });
}

// When what is installed came: by the status, or else the newest event that put it in place.
export function installedSince(picture) {
    if (picture.status && picture.status.since)
        return picture.status.since;
    const event = (picture.history || []).find(each => Number(each.sequence) === picture.properties.Sequence &&
        (each.event === "activated" || each.event === "installed"));

    return event ? event.time : 0;
}
