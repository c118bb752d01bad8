// SPDX-License-Identifier: Apache-2.0
// An agent that is not there, and people who may not.
'use strict';
const assert = require('assert');
const { test } = require('../../tuf/tap');
const { mock, see, seeNothing, seeCalls, shot, page, takeErrors, openAsGuest } = require('../stage');
const i = require('../improvement');

test('an agent that goes is told, and comes back by itself', async () => {
    await mock(i.reset(i.AVAILABLE));
    await see('#offer-title', '26.3.1 (b)');
    await mock({ here: false });
    await see('#missing', /The service is not running\s*sutured does not answer/);
    await seeNothing('#cards');
    await shot('missing-light');
    await mock({ here: true });
    await see('#offer-title', '26.3.1 (b)');
    await seeNothing('#missing');
});

test('a page that comes before the agent waits for it', async () => {
    await mock({ here: false });
    await page().reload();
    await see('#missing', 'The service is not running');
    await mock({ here: true });
    await page().click('#missing-again');
    await see('#offer-title', '26.3.1 (b)');
});

test('a job whose agent goes has failed', async () => {
    await mock({ ...i.reset(i.AVAILABLE), calls: true });
    await page().click('#install');
    await seeCalls(['Install', 0, 0]);
    await mock({ here: false });
    await see('#missing', 'The service is not running');
    await mock({ here: true, end: { result: 'done' } });
    await see('#alert-failure', /The connection was lost\s*Try again when the service runs\./);
    takeErrors();
});

test('an agent that ends without work is shown as it was, and started by who needs it', async () => {
    await mock({ ...i.reset(i.AVAILABLE), startable: true, calls: true });
    await see('#offer-facts', 'MB');
    await page().evaluate(() => {
        window.seen = [];
        new window.MutationObserver(() => window.seen.push(document.body.dataset.phase))
                .observe(document.body, { attributes: true, attributeFilter: ['data-phase'] });
    });
    await mock({ here: false });
    await page().waitForTimeout(400);
    await see('#offer-title', '26.3.1 (b)');
    await page().click('#install');
    await seeCalls(['Install', 0, 0]);
    await see('#progress', 'Preparing');
    await mock({ job: { Phase: 'download', Progress: 35, BytesDone: 2940000, BytesTotal: 8400000 } });
    await see('#progress', '2.94 MB of 8.40 MB');
    await mock({ end: { result: 'done', report: i.report({}) } });
    await see('#alert-outcome', '26.3.1 (b) is installed');
    assert.deepStrictEqual(await page().evaluate(() => window.seen.filter(phase => phase !== 'ready')), []);
    await mock({ here: false });
    await page().waitForTimeout(200);
    await mock({ startable: false, here: true });
    await mock({ set: { State: 'trial' } });
    await see('#headline', 'being watched');
});

test('a status that cannot be had is told, and the rest is shown', async () => {
    await mock(i.reset(i.INSTALLED));
    await mock({ refuse: { Describe: ['Failed', 'the store cannot be read', 'always'] }, set: { LastCheckUSec: i.NOW } });
    await see('#alert-status', /The details cannot be shown\s*The store cannot be read\./);
    await see('#installed-version', '26.3.1 (a)');
});

test('who may not is told so', async () => {
    await mock({ ...i.reset(i.AVAILABLE), deny: true });
    await page().click('#install');
    const text = await see('#alert-failure', /You are not allowed to do this\s*It takes administrative access\./);

    assert.ok(!text.includes('not authorized'));
    // The session is root's here, so there is nothing to turn on.
    assert.strictEqual(await page().locator('#failure-admin').count(), 0);
});

test('who may become an administrator is asked for the password, and goes on', async () => {
    await mock({ ...i.reset(i.AVAILABLE), deny: true, calls: true });
    const guest = await openAsGuest();
    const answer = async text => {
        await guest.locator('#admin-answer').fill(text);
        await guest.keyboard.press('Enter');
    };

    try {
        await guest.click('#install');
        await seeCalls(['Install', 0, 0]);
        await guest.click('#failure-admin');
        await guest.locator('#admin', { hasText: 'Turn on administrative access' }).waitFor();
        assert.strictEqual(await guest.evaluate(() => document.activeElement.type), 'password');
        await shot('admin-light', { shown: guest, full: false });
        await guest.keyboard.press('Escape');
        await guest.locator('#admin').waitFor({ state: 'detached' });
        await guest.click('#install');
        await guest.click('#failure-admin');
        await answer('wrong');
        await guest.locator('#alert-failure', { hasText: 'Administrative access could not be turned on' }).waitFor();
        await guest.click('#install');
        await guest.click('#failure-admin');
        await answer('secret');
        await guest.locator('#alert-outcome', { hasText: 'Administrative access is on' }).waitFor();
        await mock({ calls: true });
        await guest.locator('#install').click();
        await guest.locator('#progress').waitFor();
        await seeCalls(['Install', 0, 0]);
    } finally {
        await guest.close();
    }
});

test('where sudo is not installed the next way is tried', async () => {
    await mock({ ...i.reset(i.AVAILABLE), deny: true, calls: true });
    const guest = await openAsGuest(process.env.SUTURE_FACE_NO_SUDO_URL);

    try {
        await guest.click('#install');
        await guest.click('#failure-admin');
        await guest.locator('#alert-outcome', { hasText: 'Administrative access is on' }).waitFor();
    } finally {
        await guest.close();
    }
});
