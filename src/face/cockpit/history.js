// SPDX-License-Identifier: Apache-2.0
// What happened, newest first.
import { element, fill, setHidden } from "./dom.js";
import { keepFocus, makeButton, makeCard } from "./card.js";
import { moment } from "./words.js";
import { texts } from "./texts.js";

const FIRST = 8; // rows before "Show All"

function showRow(event) {
    return element("tr", null,
                   element("td", { "data-label": texts.history.when }, moment(event.time)),
                   element("td", { "data-label": texts.history.what }, texts.events[event.event] || event.event),
                   element("td", { "data-label": texts.history.details }, event.text || "–"));
}

export function makeHistory() {
    const rows = element("tbody");
    const heads = [texts.history.when, texts.history.what, texts.history.details];
    const table = element("table", { "aria-labelledby": "history-title" },
                          element("thead", null, element("tr", null, ...heads.map(
                              head => element("th", { scope: "col" }, head)))), rows);
    const none = element("p", { class: "muted" }, texts.history.none);
    const card = makeCard("history", texts.cards.history, none, table);
    const all = makeButton("history-all", texts.history.all, "link", () => {
        isWhole = true;
        keepFocus(card.node, () => update(last));
    });
    let isWhole = false;
    let last = null;

    card.body.append(all);

    function update(picture) {
        const events = picture.history || [];
        const shown = isWhole ? events : events.slice(0, FIRST);

        last = picture;
        setHidden(none, events.length > 0);
        setHidden(table, events.length === 0);
        setHidden(all, shown.length === events.length);
        fill(rows, shown, () => shown.map(showRow));
    }

    return { node: card.node, update };
}
