// SPDX-License-Identifier: Apache-2.0
// Light or dark: what Cockpit's menu says ("shell:style", kept in the browser), or else the browser.
// Runs before the first paint, so that no page flashes.
"use strict";

(() => {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");

    function apply(chosen) {
        const style = chosen || window.localStorage.getItem("shell:style") || "auto";
        const isDark = style === "dark" || (style === "auto" && dark.matches);

        document.documentElement.classList.toggle("pf-theme-dark", isDark);
    }

    window.addEventListener("storage", event => event.key === "shell:style" && apply());
    // The page that the menu is in hears of the choice by this.
    window.addEventListener("cockpit-style", event => apply(event.detail.style));
    dark.addEventListener("change", () => apply());
    apply();
})();
