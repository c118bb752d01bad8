// SPDX-License-Identifier: Apache-2.0
// The one truth about this system, and when it was looked for.
import { element, fill, icon, setDisabled, setText } from "./dom.js";
import { keepFocus, makeButton, makeCard } from "./card.js";
import { headline, isBusy, version } from "./view.js";
import { format, moment, relative, seconds } from "./words.js";
import { texts } from "./texts.js";

function lastCheck(properties) {
    return seconds(properties.LastCheckUSec) > 0
        ? format(texts.status.lastCheck, relative(properties.LastCheckUSec)) : texts.status.neverChecked;
}

function nextCheck(properties) {
    return seconds(properties.NextCheckUSec) > 0
        ? format(texts.status.nextCheck, relative(properties.NextCheckUSec)) : texts.status.noNextCheck;
}

export function makeStatus(actions) {
    const symbol = element("span", { class: "headline-icon" });
    const title = element("p", { class: "headline", id: "headline" });
    const current = element("p", { class: "muted", id: "current-version" });
    const last = element("p", { id: "last-check", class: "muted" });
    const next = element("p", { id: "next-check", class: "muted" });
    const check = makeButton("check", texts.status.checkNow, "secondary", actions.check);
    const card = makeCard("status", texts.cards.status,
                          element("div", { class: "headline-line" }, symbol, element("div", null, title, current)),
                          element("div", { class: "checks" }, last, next));

    card.actions.append(check);

    function update(picture) {
        const { word, icon: kind } = headline(picture);
        const properties = picture.properties;

        fill(symbol, kind, () => [icon(kind)]);
        setText(title, texts.headline[word] || word);
        setText(current, format(texts.status.version, properties.DisplayVersion || version(picture, properties.Label)));
        setText(last, lastCheck(properties));
        setText(next, nextCheck(properties));
        last.title = seconds(properties.LastCheckUSec) > 0 ? moment(properties.LastCheckUSec) : "";
        next.title = seconds(properties.NextCheckUSec) > 0 ? moment(properties.NextCheckUSec) : "";
        setDisabled(check, isBusy(picture));
    }

    return { node: card.node, update: picture => keepFocus(card.node, () => update(picture)) };
}
