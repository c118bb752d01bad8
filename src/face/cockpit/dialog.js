// SPDX-License-Identifier: Apache-2.0
// Questions. The browser's own <dialog> keeps the focus inside, ends with Escape, and gives the
// focus back to who had it.
import { element, icon } from "./dom.js";
import { focusable, makeButton } from "./card.js";
import { texts } from "./texts.js";

function giveFocusBack(opener) {
    if (opener && opener.isConnected && !opener.disabled && opener.getClientRects().length > 0)
        opener.focus();
    else
        focusable(document.getElementById("page")).focus();
}

// What confirm() throws is shown, and the dialog stays.
async function confirmIn(dialog, problem, button, options) {
    button.disabled = true;
    try {
        if (options.onConfirm)
            await options.onConfirm(dialog);
        dialog.close("confirmed");
    } catch (error) {
        problem.replaceChildren(icon("danger"), element("span", null, error.message));
        problem.hidden = false;
    }
    button.disabled = false;
}

// { id, title, body: [nodes], confirm: "text", isDanger, onConfirm } → whether it was confirmed
export function ask(options) {
    const opener = document.activeElement;
    const title = element("h1", { id: `${options.id}-title`, class: "dialog-title" },
                          options.isDanger ? icon("warning") : null, options.title);
    const body = element("div", { id: `${options.id}-body`, class: "dialog-body" }, ...options.body);
    const problem = element("p", { class: "icon-line dialog-problem", role: "alert", hidden: true });
    const confirm = element("button", { id: `${options.id}-confirm`, type: "submit",
                                        class: `button button-${options.isDanger ? "danger" : "primary"}` },
                            options.confirm);
    const cancel = makeButton(`${options.id}-cancel`, texts.page.cancel, "link", () => dialog.close(""));
    const form = element("form", { method: "dialog", onSubmit: event => {
        event.preventDefault();
        confirmIn(dialog, problem, confirm, options);
    } }, title, body, problem, element("div", { class: "dialog-actions" }, confirm, cancel));
    const dialog = element("dialog", { id: options.id, class: "dialog", "aria-labelledby": title.id,
                                       "aria-describedby": body.id }, form);

    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("input") || (options.isDanger ? cancel : confirm)).focus();
    return new Promise(resolve => dialog.addEventListener("close", () => {
        dialog.remove();
        giveFocusBack(opener);
        resolve(dialog.returnValue === "confirmed");
    }));
}
