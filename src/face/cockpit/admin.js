// SPDX-License-Identifier: Apache-2.0
// Administrative access, which the bridge of the session turns on: its cockpit.Superuser. In a
// desktop window there is no menu of Cockpit's that could.
import { element } from "./dom.js";
import { ask } from "./dialog.js";
import { format } from "./words.js";
import { texts } from "./texts.js";

const cockpit = window.cockpit;

export class Admin {
    // changed() when other rights are in force.
    constructor(changed) {
        this.proxy = cockpit.dbus(null, { bus: "internal" }).proxy("cockpit.Superuser", "/superuser");
        this.prompt = null;
        this.proxy.addEventListener("Prompt", (_event, ...question) => this.onPrompt(question));
        this.proxy.wait(() => {
            let current = this.proxy.Current;

            this.proxy.addEventListener("changed", () => {
                if (this.proxy.Current !== current && this.proxy.Current !== "init")
                    changed();
                current = this.proxy.Current;
            });
        });
    }

    isPossible() {
        return Boolean(this.proxy.valid) && this.proxy.Current === "none" && (this.proxy.Bridges || []).length > 0;
    }

    // Whether it is on now, and not given up. What went wrong is thrown. Cockpit names each way that it
    // knows, sudo and pkexec, also where that is not installed: then the next one is tried.
    async turnOn() {
        let problem = null;

        this.isCanceled = this.isAsked = false;
        for (const bridge of this.proxy.Bridges) {
            problem = await this.proxy.Start(bridge).then(() => null, error => error);
            if (!problem || this.isAsked)
                break;
        }
        if (problem && !this.isCanceled)
            throw new Error(format(texts.admin.wrong, problem.message));
        return !this.isCanceled;
    }

    async onPrompt([message, prompt, , echo, problem]) {
        this.isAsked = true;

        const answer = element("input", { id: "admin-answer", type: echo ? "text" : "password",
                                          autocomplete: echo ? "off" : "current-password" });
        const isAnswered = await ask({
            id: "admin", title: texts.admin.turnOn, confirm: texts.admin.authenticate,
            body: [element("p", null, message || texts.admin.about),
                   problem ? element("p", { class: "dialog-problem", role: "alert" }, problem) : null,
                   element("label", { for: "admin-answer", class: "field-label" }, prompt || texts.admin.password),
                   answer].filter(Boolean),
        });

        this.isCanceled = !isAnswered;
        if (isAnswered)
            this.proxy.Answer(answer.value);
        else
            this.proxy.Stop();
    }
}
