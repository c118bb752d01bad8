// SPDX-License-Identifier: Apache-2.0
// A browser that shows the page, and the mock of the agent, which is told what to say.
'use strict';
const assert = require('assert');
const fs = require('fs');
const net = require('net');
const path = require('path');
const readline = require('readline');
const { chromium } = require('playwright-core');

const { SUTURE_FACE_URL: URL, SUTURE_FACE_GUEST_URL: GUEST_URL, SUTURE_FACE_MOCK: MOCK, SUTURE_FACE_SHOTS: SHOTS,
    SUTURE_FACE_BROWSER: BROWSER } = process.env;
const BARE = '/cockpit/@localhost/suture/index.html';
const PATIENCE_MS = 5000;
const WIDE = { width: 1280, height: 1000 };
const NARROW = { width: 390, height: 844 };
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-first-run', '--force-color-profile=srgb'];

let browser;
let page;
let lines;
const errors = [];

// Tells the mock something; its answer. What is about a job waits until there is one.
async function mock(wish) {
    if (!lines) {
        const socket = net.connect(MOCK);

        lines = { socket, answers: readline.createInterface({ input: socket })[Symbol.asyncIterator]() };
    }
    const end = Date.now() + PATIENCE_MS;
    let answer;

    do {
        lines.socket.write(`${JSON.stringify(wish)}\n`);
        answer = JSON.parse((await lines.answers.next()).value);
        if (answer.later)
            await page.waitForTimeout(10);
    } while (answer.later && Date.now() < end);
    assert.ok(!answer.error && !answer.later, answer.error || 'no job runs');
    if (wish.reset && page) // of a test that failed with a dialog open
        await page.evaluate(() => document.querySelectorAll('dialog').forEach(dialog => dialog.close()));
    return answer;
}

function watch(shown) {
    shown.on('pageerror', error => errors.push(error.message));
    shown.on('console', message => message.type() === 'error' && errors.push(message.text()));
    shown.setDefaultTimeout(PATIENCE_MS);
    return shown;
}

async function open() {
    browser = await chromium.launch({ executablePath: BROWSER, args: ARGUMENTS });
    page = watch(await browser.newPage({ viewport: WIDE, colorScheme: 'light', reducedMotion: 'reduce', locale: 'en-US' }));
    await load();
    return page;
}

// The page of somebody who is not root, in a window of its own.
async function openAsGuest(url = GUEST_URL) {
    const guest = watch(await browser.newPage({ viewport: WIDE, colorScheme: 'light', locale: 'en-US' }));

    await guest.goto(url + BARE);
    await guest.waitForSelector('body[data-phase="ready"]');
    return guest;
}

async function load() {
    await page.goto(URL + BARE);
    await page.waitForSelector('body[data-phase="ready"]');
}

async function close() {
    if (lines)
        lines.socket.destroy();
    if (browser)
        await browser.close();
}

// What went wrong in the page since it was asked last.
function takeErrors() {
    return errors.splice(0);
}

async function shot(name, { shown = page, full = true } = {}) {
    fs.mkdirSync(SHOTS, { recursive: true });
    await shown.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: full, animations: 'disabled' });
}

// Waits until the text of what is there matches, and gives it.
async function see(selector, pattern) {
    const wanted = pattern instanceof RegExp ? pattern : new RegExp(pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const end = Date.now() + PATIENCE_MS;
    let text;

    while (Date.now() < end) {
        text = (await page.locator(selector).filter({ visible: true }).allInnerTexts()).join('\n');
        if (wanted.test(text))
            return text;
        await page.waitForTimeout(20);
    }
    throw new assert.AssertionError({ message: `${selector}: ${wanted} is not in ${JSON.stringify(text)}` });
}

async function seeNothing(selector) {
    await page.locator(selector).filter({ visible: true }).first().waitFor({ state: 'hidden' });
}

// The calls that the agent got, without the reading ones. Waits until there are as many as expected.
async function seeCalls(...wanted) {
    const end = Date.now() + PATIENCE_MS;
    const calls = [];

    while (calls.length < wanted.length && Date.now() < end) {
        calls.push(...(await mock({ calls: true })).calls);
        await page.waitForTimeout(10);
    }
    assert.deepStrictEqual(calls, wanted);
}

async function isDisabled(selector) {
    return page.isDisabled(selector);
}

async function focused() {
    return page.evaluate(() => document.activeElement.id || document.activeElement.tagName);
}

module.exports = { URL, WIDE, NARROW, open, openAsGuest, close, load, mock, shot, takeErrors, watch, see, seeNothing,
    seeCalls, focused, isDisabled, page: () => page, browser: () => browser };
