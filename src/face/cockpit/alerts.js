// SPDX-License-Identifier: Apache-2.0
// What stands above the cards: what somebody must know or can do now. All are told when they come;
// the countdown, which changes each second, is said aloud once a minute.
import { announce, element, fill, fillByKey, icon, setHidden, setText } from "./dom.js";
import { makeButton } from "./card.js";
import { organization } from "./settings.js";
import { isRestarting, isSupported, version } from "./view.js";
import { countdown, describeError, format, now, seconds, sentence } from "./words.js";
import { texts } from "./texts.js";

const ICONS = { success: "ok", info: "info", warning: "warning", danger: "danger" };

function makeAlert({ key }) {
    const symbol = element("span", { class: "alert-icon" });
    const title = element("p", { class: "alert-title" });
    const text = element("p", { class: "alert-text" });
    const more = element("div", { class: "alert-more" });
    const buttons = element("div", { class: "alert-actions" });
    const dismiss = element("button", { type: "button", class: "button button-plain", "aria-label": texts.page.dismiss },
                            icon("close"));
    const node = element("div", { id: `alert-${key}` }, symbol,
                         element("div", { class: "alert-body" }, title, text, more, buttons), dismiss);

    function update(item) {
        const acts = item.actions || [];

        node.className = `alert alert-${item.kind}`;
        fill(symbol, item.kind, () => [icon(item.icon || ICONS[item.kind])]);
        title.setAttribute("aria-live", item.isTicking ? "off" : "polite");
        setText(title, item.title);
        setText(text, item.text || "");
        setHidden(text, !item.text);
        fill(more, item.more ? item.more.map(each => each.outerHTML) : [], () => item.more);
        fill(buttons, acts.map(action => action.id), () => acts.map(
            action => makeButton(action.id, action.text, "link-inline", action.run)));
        setHidden(buttons, acts.length === 0);
        setHidden(dismiss, !item.dismiss);
        dismiss.onclick = item.dismiss;
    }

    return { node, update };
}

function restart(picture, actions) {
    const { RestartAtUSec, PendingLabel } = picture.properties;

    return isRestarting(picture) && {
        key: "restart", kind: "warning", isTicking: true,
        title: format(texts.restart.countdown, countdown(RestartAtUSec)),
        text: format(texts.restart.countdownAbout, PendingLabel ? version(picture, PendingLabel) : texts.restart.pending),
        actions: ["hour", "day"].map((word, i) => ({
            id: `restart-${word}`, text: `${texts.settings.postponeFor} ${texts.settings[word]}`,
            run: () => actions.postpone(now() + [3600, 86400][i]),
        })),
    };
}

// An error with its true cause, and what to do about it.
export function errorAlert(key, error, actions) {
    return {
        key, kind: error.isDenied ? "warning" : "danger", icon: error.isDenied ? "lock" : null,
        title: error.title, text: [error.text, error.remedy].filter(Boolean).join(" "),
        actions: [
            error.isDenied && actions.mayTurnOnAdmin() &&
                { id: `${key}-admin`, text: texts.admin.turnOn, run: actions.turnOnAdmin },
            error.override && { id: `${key}-override`, text: texts.alerts.installAnyway,
                                run: () => actions.install(error.override) },
        ].filter(Boolean),
    };
}

function lastError(picture, actions, failure) {
    const [name, text] = picture.properties.LastError || ["", ""];

    if (!name || (failure && failure.name === name))
        return null;
    return errorAlert("last-error", describeError(name, text), actions);
}

function managed({ properties }) {
    const isManaged = properties.ManagedBy || properties.AutomaticModeManaged ||
        properties.ManualInstallAllowed === false || properties.RemovalAllowed === false;

    return isManaged && { key: "managed", kind: "info", icon: "lock", text: texts.alerts.managedAbout,
                          title: format(texts.alerts.managed, organization(properties)) };
}

function ofStatus({ status, statusProblem }) {
    if (statusProblem)
        return [{ key: "status", kind: "danger", title: texts.alerts.failedToShow, text: sentence(statusProblem) }];
    if (!status)
        return [];
    return [
        status.configuration_problem && { key: "configuration", kind: "danger", title: texts.alerts.configuration,
                                          text: sentence(status.configuration_problem) },
        status.withdrawn && { key: "withdrawn", kind: "warning", text: sentence(status.withdrawn.reason),
                              title: format(texts.alerts.withdrawn, status.withdrawn.label) },
        status.reverted && { key: "reverted", kind: "warning", text: sentence(status.reverted.why),
                             title: format(texts.alerts.reverted, status.reverted.label) },
        status.owed && { key: "owed", kind: "warning", text: texts.alerts.owedAbout,
                         title: format(texts.alerts.owed, status.owed.label) },
    ];
}

function support(picture) {
    return !isSupported(picture) && { key: "support", kind: "warning", title: texts.headline.unsupported,
                                      text: sentence(picture.status.support.text) };
}

export function makeAlerts(actions) {
    const node = element("div", { id: "alerts", "aria-live": "polite" });
    let minute = null;

    function speakCountdown(picture) {
        const left = isRestarting(picture)
            ? Math.ceil((seconds(picture.properties.RestartAtUSec) - now()) / 60) : null;

        if (left !== minute && left !== null)
            announce(format(texts.restart.minutes, left));
        minute = left;
    }

    // `notices` are of what was done here: a failure has the error's name.
    function update(picture, notices) {
        const failure = notices.find(notice => notice.name);
        const all = [restart(picture, actions), ...notices, lastError(picture, actions, failure),
                     ...ofStatus(picture), support(picture), managed(picture)];

        fillByKey(node, all.filter(Boolean), makeAlert);
        speakCountdown(picture);
    }

    return { node, update };
}
