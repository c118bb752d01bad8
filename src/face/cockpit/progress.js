// SPDX-License-Identifier: Apache-2.0
// How far a job is. What changes many times a second is seen; what is said aloud is a new phase,
// and each quarter.
import { announce, element, setHidden, setText } from "./dom.js";
import { makeButton } from "./card.js";
import { bytes, format, percent } from "./words.js";
import { texts } from "./texts.js";

const SPOKEN_STEP = 25; // percent

function phaseOf(job) {
    return texts.progress[job.phase || job.type] || job.phase || texts.progress.prepare;
}

function measureOf(job) {
    if (job.phase !== "download" && job.phase !== "apply")
        return "";
    return job.total > 0 ? format(texts.progress.bytes, bytes(job.done), bytes(job.total)) : "";
}

export function makeProgress(id, onCancel) {
    const phase = element("span", { class: "progress-phase", id: `${id}-phase` });
    const measure = element("p", { class: "progress-measure muted" });
    const share = element("span", { class: "progress-share" });
    const bar = element("progress", { id: `${id}-bar`, max: 100, "aria-labelledby": phase.id });
    const cancel = makeButton(`${id}-cancel`, texts.progress.cancel, "secondary", () => job.cancellable && onCancel(job));
    const node = element("div", { class: "progress", id, hidden: true },
                         element("div", { class: "progress-line" }, phase, share), bar, measure, cancel);
    let job = null;
    let spoken = "";

    function speak() {
        const step = Math.floor(job.progress / SPOKEN_STEP) * SPOKEN_STEP;
        const text = job.phase ? format(texts.progress.spoken, phaseOf(job), step) : phaseOf(job);

        if (text !== spoken)
            announce(text);
        spoken = text;
    }

    function update(next) {
        job = next;
        setHidden(node, !job);
        if (!job)
            return;
        setText(phase, phaseOf(job));
        setText(measure, measureOf(job));
        setText(share, job.phase ? percent(job.progress) : "");
        if (job.phase)
            bar.value = job.progress;
        else
            bar.removeAttribute("value");
        cancel.setAttribute("aria-disabled", !job.cancellable); // and keeps the focus
        cancel.title = job.cancellable ? "" : texts.progress.cannotCancel;
        speak();
    }

    return { node, update };
}
