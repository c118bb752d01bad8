// SPDX-License-Identifier: Apache-2.0
// Times, sizes and machine words, as people read them.
import { texts } from "./texts.js";

const cockpit = window.cockpit;
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const SOON = 60; // seconds: within them, only that it is soon

function locale() {
    return (cockpit.language || "en").replace("_", "-");
}

export function format(text, ...values) {
    return cockpit.format(text, ...values);
}

// Seconds since 1970 of what the agent tells: microseconds, or "2026-11-29T08:00:00Z". 0: never.
export function seconds(time) {
    const value = typeof time === "string" ? Date.parse(time) / 1e3 : Number(time || 0) / 1e6;

    return Number.isFinite(value) && value > 0 ? value : 0;
}

export function now() {
    return Date.now() / 1000;
}

// "Nov 29, 2026, 8:00 AM"
export function moment(time) {
    return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" })
            .format(seconds(time) * 1000);
}

// "5 minutes ago", "in 3 hours"
export function relative(time) {
    const difference = seconds(time) - now();
    const formatter = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });

    if (Math.abs(difference) < SOON)
        return difference > 0 ? texts.status.soon : formatter.format(0, "minute");
    const [unit, length] = UNITS.find(each => Math.abs(difference) >= each[1]);
    return formatter.format(Math.round(difference / length), unit);
}

// "4:32", "1:04:32"
export function countdown(time) {
    const left = Math.max(0, Math.round(seconds(time) - now()));
    const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];

    return parts.filter((part, i) => part > 0 || i > 0)
            .map((part, i) => i > 0 ? String(part).padStart(2, "0") : String(part))
            .join(":");
}

// Cockpit 287 gives a small count no unit.
export function bytes(count) {
    return count < 1000 ? format(texts.progress.few, count) : cockpit.format_bytes(count);
}

export function percent(number) {
    return format(texts.progress.percent, number);
}

// A sentence of the agent's begins small and has no full stop; here it stands alone. The name of a
// file or a unit at its beginning stays as it is.
export function sentence(text) {
    const clean = (text || "").trim();

    if (!clean)
        return "";
    return clean.replace(/^[a-z]+(?=[\s,])/, word => word[0].toUpperCase() + word.slice(1)) + (/[.!?…]$/.test(clean) ? "" : ".");
}

// The agent's own text for a word that came after this page.
export function waitReason(word, text) {
    return texts.waits[word] || text || format(texts.waits.other, word);
}

// { title, text, remedy, isDenied, isOverridable } of an error: of the agent's LastError or a job
// (name without prefix), or of a call that cockpit rejects.
export function describeError(name, message, problem) {
    const word = (name || "").replace(/^org\.suture\.Manager1\.Error\./, "");
    const isDenied = /AccessDenied|InteractiveAuthorizationRequired|NotAuthorized/.test(word) ||
        problem === "access-denied" || problem === "not-authorized";
    const isLost = Boolean(problem) && !isDenied ||
        /ServiceUnknown|NameHasNoOwner|NoReply|Disconnected/.test(word);
    const [title, remedy] = isDenied ? texts.denied
        : isLost ? texts.lost
            : texts.errors[word] || texts.unknown;

    return {
        title,
        text: isDenied ? "" : sentence(message),
        remedy,
        isDenied,
        override: word === "Metered" ? 2 : word === "OnBattery" ? 4 : 0,
    };
}
