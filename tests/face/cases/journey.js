// SPDX-License-Identifier: Apache-2.0
// From an offer to an improvement and back, as an owner goes it: with the mock and with a real agent.
'use strict';
const assert = require('assert');
const { test } = require('../../tuf/tap');
const { mock, see, seeNothing, shot, page, takeErrors } = require('../stage');

const hasMock = Boolean(process.env.SUTURE_FACE_MOCK);

test('check, install, remove', async () => {
    if (hasMock)
        await mock({ reset: { AutomaticMode: 'off' }, play: true });
    await see('#installed-nothing', 'Nothing is installed');
    await page().click('#check');
    await see('#offer-title', '(a)');
    await page().click('#impact summary');
    await page().click('#preview');
    await see('#preview-result', /\w/);
    await page().click('#install');
    await see('#alert-outcome', 'is installed');
    await see('#installed-version', /\(a\)$/);
    await see('#installed-fixes', /[A-Z]/);
    await page().click('#remove');
    await see('#remove-dialog', /open again|No vulnerability/);
    await see('#remove-impact', /^(?!.*Looking).*\w/s);
    await shot(hasMock ? 'journey' : 'agent', { full: false });
    await page().click('#remove-dialog-confirm');
    await see('#alert-outcome', 'Removed');
    await see('#installed-nothing', 'Nothing is installed');
    assert.deepStrictEqual(takeErrors(), []);
});

test('turn on, postpone, resume, turn off', async () => {
    await page().click('.setting:has(#automatic) .switch');
    await see('#automatic-about', 'installed in the background');
    await page().click('#postpone');
    await see('#postpone-about', 'by itself until');
    await page().click('#resume');
    await see('#postpone', 'Postpone');
    await page().click('.setting:has(#automatic) .switch');
    await page().click('#turn-off-confirm');
    await see('#automatic-about', 'next system update');
    await seeNothing('#alert-failure');
    assert.deepStrictEqual(takeErrors(), []);
});
