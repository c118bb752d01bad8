// SPDX-License-Identifier: Apache-2.0
// The parts that the page is put together from.
import { element, icon } from "./dom.js";

// A titled part of the page: { node, body, actions }.
export function makeCard(name, title, ...children) {
    const actions = element("div", { class: "card-actions" });
    const body = element("div", { class: "card-body" }, ...children);
    const heading = element("h2", { id: `${name}-title` }, title);
    const header = element("div", { class: "card-header" }, heading, actions);
    const node = element("section", { class: "card", id: name, "aria-labelledby": heading.id }, header, body);

    return { node, body, actions, heading };
}

export function makeButton(id, text, kind, onClick) {
    return element("button", { id, type: "button", class: `button button-${kind}`, onClick }, text);
}

// A label with a colour of its own; the word says the same as the colour.
export function makeBadge(text, kind, about) {
    return element("span", { class: `badge badge-${kind}`, title: about || null }, text);
}

// { node, input }: the text below belongs to it for a screen reader, too.
export function makeSwitch(id, label, about, onChange) {
    const input = element("input", { id, type: "checkbox", role: "switch", disabled: true,
                                     "aria-describedby": about.id, onChange });
    const slider = element("span", { class: "switch-slider", "aria-hidden": "true" });
    const node = element("div", { class: "setting" },
                         element("div", { class: "setting-text" },
                                 element("label", { for: id, class: "setting-label" }, label), about),
                         element("label", { class: "switch" }, input, slider));

    return { node, input };
}

export function makeIconLine(kind, ...children) {
    return element("p", { class: "icon-line" }, icon(kind), element("span", null, ...children));
}

// A term and what there is to say about it, in a <dl>.
export function makeTerm(name, title) {
    const value = element("dd", { id: name });
    const node = element("div", { class: "term" }, element("dt", null, title), value);

    return { node, value };
}

function firstControl(area) {
    return [...area.querySelectorAll("button, select, input, summary")]
            .find(each => !each.disabled && each.getClientRects().length > 0);
}

// Changes an area. What had the focus and is gone or grey gives it to what is nearest.
export function keepFocus(area, change) {
    const had = area.contains(document.activeElement) ? document.activeElement : null;
    const around = [];

    for (let node = had; node && node !== area; node = node.parentElement)
        around.push(node.parentElement);
    change();
    if (!had || (had.isConnected && !had.disabled && had.getClientRects().length > 0))
        return;
    (around.map(firstControl).find(Boolean) || focusable(area)).focus();
}

// The heading of a part, where there is nothing else to have the focus.
export function focusable(area) {
    const heading = area.querySelector("h1, h2, h3") || area;

    heading.tabIndex = -1;
    return heading;
}
