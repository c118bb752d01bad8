// SPDX-License-Identifier: Apache-2.0
// What is in place, whether it has proved itself, and taking it off.
import { element, fill, setDisabled, setHidden, setText } from "./dom.js";
import { keepFocus, makeButton, makeCard, makeTerm } from "./card.js";
import { ask } from "./dialog.js";
import { showImpact } from "./impact.js";
import { makeProgress } from "./progress.js";
import { fixesOf, installedSince, jobOf, version } from "./view.js";
import { format, moment, relative, sentence } from "./words.js";
import { texts } from "./texts.js";

function listFixes(fixes) {
    return fixes.length === 0 ? texts.installed.noFixes
        : element("ul", { class: "plain" }, ...fixes.map(fix => element(
            "li", null, element("strong", null, fix.cve),
            fix.impact ? element("span", { class: "muted" }, ` ${fix.impact}`) : null)));
}

function trialEnd(time) {
    const left = relative(time);

    return left === texts.status.soon ? moment(time) : `${moment(time)} (${left})`;
}

function trialText(trial) {
    if (!trial)
        return "";
    const until = trial.until ? format(texts.installed.trialUntil, trialEnd(trial.until))
        : texts.installed.trialWaits;
    const watched = trial.units === 1 ? format(texts.installed.trialWatchesOne, trial.before)
        : format(texts.installed.trialWatches, trial.units, trial.before);

    return `${sentence(until)} ${watched}`;
}

// The dialog asks what restarts by itself; nobody has to wait for the answer.
async function askToRemove(picture, actions) {
    const label = version(picture, picture.properties.Label || picture.properties.PendingLabel);
    const fixes = fixesOf(picture, picture.status && picture.status.fixes);
    const impact = element("div", { id: "remove-impact", "aria-live": "polite" }, element("p", null, texts.remove.looking));

    const preview = actions.previewRemoval();

    preview.report.then(
        report => impact.replaceChildren(...showImpact(report)),
        error => impact.replaceChildren(element("p", null, format(texts.remove.unknown, error.message))));
    const isWanted = await ask({
        id: "remove-dialog", title: format(texts.remove.title, label), isDanger: true, confirm: texts.remove.confirm,
        body: [element("p", null, format(texts.remove.back, picture.properties.BaseVersion)),
               element("p", null, fixes.length > 0 ? texts.remove.exposed : texts.remove.noneExposed),
               fixes.length > 0 ? listFixes(fixes) : null,
               element("h2", null, texts.remove.impact), impact].filter(Boolean),
    });

    await preview.stop();
    return isWanted;
}

export function makeInstalled(actions) {
    const nothing = element("p", { id: "installed-nothing", class: "muted" });
    const label = makeTerm("installed-version", texts.installed.version);
    const since = makeTerm("installed-since", texts.installed.since);
    const trial = makeTerm("installed-trial", texts.installed.trial);
    const fixes = makeTerm("installed-fixes", texts.installed.fixes);
    const needed = makeTerm("installed-restart", texts.installed.toRestart);
    const terms = element("dl", null, label.node, since.node, trial.node, fixes.node, needed.node);
    const progress = makeProgress("remove-progress", actions.cancel);
    const forbidden = element("p", { id: "remove-forbidden", class: "muted" }, texts.installed.notAllowed);
    const remove = makeButton("remove", texts.installed.remove, "secondary-danger", async () => {
        if (await askToRemove(picture, actions))
            actions.remove();
    });
    const card = makeCard("installed", texts.cards.installed, nothing, terms, forbidden, progress.node);
    let picture = null;

    card.actions.append(remove);

    function updateTerms() {
        const { Label, RestartNeeded } = picture.properties;
        const time = installedSince(picture);
        const known = fixesOf(picture, picture.status && picture.status.fixes);
        const trialNow = picture.status && picture.status.trial;

        setText(label.value, version(picture, Label));
        setHidden(since.node, !time);
        setText(since.value, time ? moment(time) : "");
        setHidden(trial.node, !trialNow);
        setText(trial.value, trialText(trialNow));
        fill(fixes.value, known, () => [listFixes(known)]);
        setHidden(needed.node, !texts.needed[RestartNeeded]);
        setText(needed.value, texts.needed[RestartNeeded] || "");
    }

    function update(next) {
        const { Sequence, PendingSequence, RemovalAllowed, State } = next.properties;
        const job = jobOf(next, "remove");
        const selected = (next.status && next.status.selected) || 0; // also what something is in the way of

        picture = next;
        setHidden(nothing, Sequence > 0);
        setText(nothing, format(texts.installed.nothing, next.properties.BaseVersion));
        setHidden(terms, !(Sequence > 0));
        updateTerms();
        // Taking off is possible whatever else goes on; only the organization may forbid it.
        setHidden(remove, !(Sequence > 0 || PendingSequence > 0 || selected > 0) || Boolean(job));
        setDisabled(remove, RemovalAllowed === false || State === "removing");
        setHidden(forbidden, RemovalAllowed !== false);
        progress.update(job || null);
    }

    return { node: card.node, update: next => keepFocus(card.node, () => update(next)) };
}
