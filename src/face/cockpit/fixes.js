// SPDX-License-Identifier: Apache-2.0
// What is fixed, as the vendor's notes have it: doc/format/fixes.md.
import { element } from "./dom.js";
import { makeBadge } from "./card.js";
import { format } from "./words.js";
import { texts } from "./texts.js";

// Only what a browser may follow: the notes are a vendor's, the page is the administrator's.
function link(address, text) {
    return /^https?:\/\//.test(address)
        ? element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text) : null;
}

export function exploitedBadge() {
    return makeBadge(texts.available.exploited, "danger", texts.available.exploitedAbout);
}

function showFix(fix) {
    const references = (fix.references || []).map(address => link(address, address)).filter(Boolean);

    return element("li", { class: "fix" },
                   element("p", { class: "fix-title" }, element("strong", null, fix.cve),
                           fix.component ? element("span", { class: "muted" }, fix.component) : null,
                           fix.exploited ? exploitedBadge() : null),
                   fix.impact ? element("p", null, fix.impact) : null,
                   fix.description ? element("p", { class: "muted" }, fix.description) : null,
                   fix.credit ? element("p", { class: "muted" }, format(texts.available.reportedBy, fix.credit)) : null,
                   ...references.map(each => element("p", { class: "fix-link" }, each)));
}

export function showFixes(fixes) {
    const isBare = fixes.every(fix => !fix.impact && !fix.description);

    return [element("ul", { class: "fixes" }, ...fixes.map(showFix)),
            isBare ? element("p", { class: "muted" }, texts.available.noNotes) : null];
}
