// SPDX-License-Identifier: Apache-2.0
// Building and changing the page. What did not change is not touched, so that the focus, an open
// section and what a screen reader is reading stay where they are.

// element("p", { class: "muted", onClick: f, "aria-label": "…" }, "text", child, null)
export function element(tag, attributes, ...children) {
    const node = document.createElement(tag);

    for (const [name, value] of Object.entries(attributes || {})) {
        if (name.startsWith("on"))
            node.addEventListener(name.slice(2).toLowerCase(), value);
        else if (value === true)
            node.setAttribute(name, "");
        else if (value !== false && value !== null && value !== undefined)
            node.setAttribute(name, value);
    }
    node.append(...children.filter(child => child !== null && child !== undefined && child !== false));
    return node;
}

export function setText(node, text) {
    if (node.textContent !== text)
        node.textContent = text;
}

export function setHidden(node, hidden) {
    if (node.hidden !== hidden)
        node.hidden = hidden;
}

// A button that goes away or grey under somebody's fingers hands the focus to its neighbour.
export function setDisabled(node, disabled) {
    if (node.disabled !== disabled)
        node.disabled = disabled;
}

// Calls build() for new children only when `what` they are made of is something else than before.
export function fill(node, what, build) {
    const key = JSON.stringify(what);

    if (node.suturePart === key)
        return;
    node.suturePart = key;
    node.replaceChildren(...[build()].flat().filter(Boolean));
}

// A child per item, by its key: those that stay are the same nodes, which update() changes.
export function fillByKey(node, items, build) {
    const parts = node.sutureParts || new Map();
    const next = new Map();

    for (const item of items) {
        const part = parts.get(item.key) || build(item);

        next.set(item.key, part);
        part.update(item);
    }
    for (const [key, part] of parts)
        if (!next.has(key))
            part.node.remove();
    [...next.values()].forEach((part, i) => {
        if (node.children[i] !== part.node)
            node.insertBefore(part.node, node.children[i] || null);
    });
    node.sutureParts = next;
}

const SHAPES = {
    ok: "M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0Zm4.2 5.9-5 5.6a1 1 0 0 1-1.5 0L3.6 9.3a1 1 0 1 1 1.4-1.4l1.4 1.4 4.3-4.8a1 1 0 1 1 1.5 1.4Z",
    warning: "M9.1.9a1.3 1.3 0 0 0-2.2 0L.2 13.2A1.3 1.3 0 0 0 1.3 15.200h13.400a1.3 1.3 0 0 0 1.1-2L9.1.900ZM7 5.200h2l-.3 5H7.300L7 5.200ZM8 13.300a1.2 1.2 0 1 1 0-2.4 1.2 1.2 0 0 1 0 2.400Z",
    danger: "M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0ZM6.9 3.500h2.200l-.3 5.700H7.200l-.3-5.700ZM8 12.800a1.3 1.3 0 1 1 0-2.6 1.3 1.3 0 0 1 0 2.600Z",
    info: "M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0Zm0 3a1.3 1.3 0 1 1 0 2.600A1.3 1.3 0 0 1 8 3Zm1.9 9.500H6.200v-1.400h1V8.300h-1V6.900h2.700v4.200h1v1.400Z",
    lock: "M8 0a4 4 0 0 0-4 4v2.500h-.500A1.5 1.5 0 0 0 2 8v6.500A1.5 1.5 0 0 0 3.5 16h9a1.5 1.5 0 0 0 1.5-1.500V8a1.5 1.5 0 0 0-1.5-1.500H12V4a4 4 0 0 0-4-4ZM6 4a2 2 0 1 1 4 0v2.500H6V4Z",
    close: "M3.3 1.9 8 6.600l4.7-4.7 1.4 1.400L9.4 8l4.7 4.7-1.4 1.400L8 9.400l-4.7 4.7-1.4-1.400L6.6 8 1.9 3.300Z",
};
const SVG = "http://www.w3.org/2000/svg";

// "busy" turns. Icons only repeat what stands beside them, so readers pass over them.
export function icon(kind) {
    const span = element("span", { class: `icon icon-${kind}`, "aria-hidden": "true" });

    if (SHAPES[kind]) {
        const svg = document.createElementNS(SVG, "svg");
        const path = document.createElementNS(SVG, "path");

        svg.setAttribute("viewBox", "0 0 16 16");
        path.setAttribute("d", SHAPES[kind]);
        path.setAttribute("fill-rule", "evenodd");
        svg.append(path);
        span.append(svg);
    }
    return span;
}

// Says something to who listens instead of looking.
export function announce(text) {
    setText(document.getElementById("announcer"), text);
}
