// SPDX-License-Identifier: Apache-2.0
// In Cockpit's own window: the menu, its mark, and links out of the page.
'use strict';
const assert = require('assert');
const { test } = require('../../tuf/tap');
const { mock, shot, browser, watch, takeErrors, URL, WIDE } = require('../stage');
const i = require('../improvement');

test('the page is in the menu of the system, with a mark when there is something to do', async () => {
    await mock(i.reset(i.AVAILABLE));
    const shell = watch(await browser().newPage({ viewport: WIDE, colorScheme: 'light', locale: 'en-US' }));

    try {
        await shell.goto(`${URL}/suture`);
        const frame = shell.frameLocator('iframe[name$="/suture"]');

        await frame.locator('#offer-title', { hasText: '26.3.1 (b)' }).waitFor();
        const entry = shell.locator('#host-apps a', { hasText: 'Background Security Improvements' });

        await entry.locator('svg, .pficon, i').first().waitFor();
        assert.match(await shell.locator('#host-apps').innerText(), /System[^]*Background Security Improvements[^]*Tools/);
        await shot('shell-light', { shown: shell, full: false });
        await mock({ here: false });
        await frame.locator('#missing-service').click();
        await shell.waitForURL('**/system/services#/sutured.service', { waitUntil: 'commit' });
        await mock({ here: true });
    } finally {
        await shell.close();
        takeErrors(); // of Cockpit's own pages
    }
});
