// SPDX-License-Identifier: Apache-2.0
// A browser without a screen that does what it is told: a line of JSON in, a line of JSON out. What is
// named by a selector is looked for where the page of Suture is: in Cockpit's frame, or alone.
'use strict';
const readline = require('readline');
const { chromium } = require('playwright-core');

const PATIENCE_MS = 20000;
const WIDE = { width: 1180, height: 900 };
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--no-first-run', '--force-color-profile=srgb'];
const errors = [];

let browser;
let page;

function place() {
    return page.frames().find(frame => /\/suture\/index\.html/.test(frame.url())) || page;
}

const verbs = {
    goto: async ({ url }) => { await page.goto(url); },
    fill: ({ selector, text }) => page.fill(selector, text),
    type: ({ selector, text }) => place().fill(selector, text),
    press: ({ selector }) => page.click(selector),
    click: ({ selector }) => place().click(selector),
    size: ({ width, height }) => page.setViewportSize(width ? { width, height } : WIDE),
    theme: async ({ theme }) => {
        await page.emulateMedia({ colorScheme: theme });
        await page.waitForFunction(isDark => document.documentElement.classList.contains('pf-theme-dark') === isDark, theme === 'dark');
    },
    // Waits until the text of what is seen there matches, and gives it.
    see: async ({ selector, pattern, seconds }) => {
        const end = Date.now() + (seconds ? seconds * 1000 : PATIENCE_MS);
        let text = '';

        do {
            // a page that is just being left has no text
            text = await place().locator(selector).filter({ visible: true }).allInnerTexts().then(all => all.join('\n'), () => '');
            if (new RegExp(pattern).test(text))
                return text;
            await page.waitForTimeout(30);
        } while (Date.now() < end);
        throw new Error(`${selector} is ${JSON.stringify(text)}, without ${pattern}`);
    },
    // What is seen in each of these places; null where nothing is.
    read: ({ selectors }) => Promise.all(selectors.map(async selector => {
        const shown = place().locator(selector);

        return await shown.count() > 0 && await shown.first().isVisible() ? shown.first().innerText() : null;
    })),
    checked: ({ selector }) => place().locator(selector).isChecked(),
    gone: ({ selector }) => place().locator(selector).filter({ visible: true }).first().waitFor({ state: 'hidden' }),
    shot: async ({ path, full }) => { await page.screenshot({ path, fullPage: full, animations: 'disabled' }); },
    width: () => page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]),
    errors: () => errors.splice(0),
};

async function main() {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS });
    page = await browser.newPage({ viewport: WIDE, colorScheme: 'light', reducedMotion: 'reduce', locale: 'en-US' });
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', error => errors.push(error.message));
    process.stdout.write('ready\n');
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const order = JSON.parse(line);
        const answer = {};

        try {
            answer.value = await verbs[order.verb](order) ?? null;
        } catch (error) {
            answer.error = error.message;
        }
        process.stdout.write(`${JSON.stringify(answer)}\n`);
    }
    await browser.close();
}

main();
