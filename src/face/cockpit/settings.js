// SPDX-License-Identifier: Apache-2.0
// What happens by itself.
import { element, setDisabled, setHidden, setText } from "./dom.js";
import { keepFocus, makeButton, makeCard, makeSwitch } from "./card.js";
import { ask } from "./dialog.js";
import { format, moment, now, seconds } from "./words.js";
import { texts } from "./texts.js";

const POSTPONE = [["hour", 3600], ["day", 86400], ["week", 604800]];

export function organization(properties) {
    return properties.ManagedBy || texts.settings.organization;
}

function makePostpone(actions) {
    const about = element("p", { class: "muted", id: "postpone-about" });
    const choice = element("select", { id: "postpone-for", "aria-label": texts.settings.postponeFor },
                           ...POSTPONE.map(([word, length]) => element("option", { value: length }, texts.settings[word])));
    const postpone = makeButton("postpone", texts.settings.postpone, "secondary",
                                () => actions.postpone(now() + Number(choice.value)));
    const resume = makeButton("resume", texts.settings.resume, "secondary", () => actions.postpone(0));
    const node = element("div", { class: "setting", id: "postpone-setting" },
                         element("div", { class: "setting-text" },
                                 element("h3", { class: "setting-label" }, texts.settings.postpone), about),
                         element("div", { class: "setting-control" }, choice, postpone, resume));

    function update(properties) {
        const until = properties.PostponedUntilUSec;
        const isPostponed = seconds(until) > now();

        setText(about, isPostponed ? format(texts.settings.postponedUntil, moment(until)) : texts.settings.postponeAbout);
        setHidden(choice, isPostponed);
        setHidden(postpone, isPostponed);
        setHidden(resume, !isPostponed);
    }

    return { node, update };
}

export function makeSettings(actions) {
    const automaticAbout = element("p", { class: "muted", id: "automatic-about" });
    const downloadAbout = element("p", { class: "muted", id: "download-about" });
    const automatic = makeSwitch("automatic", texts.settings.automatic, automaticAbout, () => change(
        automatic.input.checked ? "install" : "off"));
    const download = makeSwitch("download", texts.settings.download, downloadAbout, () => change(
        download.input.checked ? "download" : "off"));
    const postpone = makePostpone(actions);
    const card = makeCard("settings", texts.cards.settings, automatic.node, download.node, postpone.node);
    let properties = {};
    let isChanging = false;

    function askBefore(mode) {
        return mode !== "off" || properties.AutomaticMode !== "install" || ask({
            id: "turn-off", title: texts.turnOff.title, isDanger: true, confirm: texts.turnOff.confirm,
            body: [element("p", null, texts.turnOff.text)],
        });
    }

    // The switch shows what the agent says, not what was clicked.
    async function change(mode) {
        show();
        if (!await askBefore(mode))
            return;
        isChanging = true;
        keepFocus(card.node, show);
        await actions.setAutomatic(mode);
        isChanging = false;
        show();
    }

    function managed(text) {
        return properties.AutomaticModeManaged ? format(texts.settings.setBy, organization(properties)) : text;
    }

    function show() {
        const mode = properties.AutomaticMode;
        const isInstalled = mode === "install";
        const isFixed = Boolean(properties.AutomaticModeManaged);

        automatic.input.checked = isInstalled;
        download.input.checked = isInstalled || mode === "download";
        automatic.input.setAttribute("aria-busy", isChanging);
        setDisabled(automatic.input, isFixed);
        setDisabled(download.input, isFixed || isInstalled);
        setText(automaticAbout, managed(isInstalled ? texts.settings.automaticOn : texts.settings.automaticOff));
        setText(downloadAbout, managed(isInstalled ? texts.settings.downloadImplied : texts.settings.downloadAbout));
        setHidden(postpone.node, !isInstalled && !(seconds(properties.PostponedUntilUSec) > now()));
        postpone.update(properties);
    }

    return {
        node: card.node,
        update(picture) {
            properties = picture.properties;
            keepFocus(card.node, show);
        },
    };
}
