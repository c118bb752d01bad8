// SPDX-License-Identifier: Apache-2.0
// From an offer to an improvement and back, as an owner goes it: with the mock and with a real agent.
'use strict';
const assert = require('assert');
const { test } = require('../../tuf/tap');
const { mock, see, page, takeErrors } = require('../stage');

const hasMock = Boolean(process.env.SUTURE_FACE_MOCK);

test('check, install, remove', async () => {
    if (hasMock)
        await mock({ reset: {}, play: true });
    await see('#installed-nothing', 'Nothing is installed');
    await page().click('#check');
    await see('#offer-title', '(a)');
    await page().click('#install');
    await see('#alert-outcome', 'is installed');
    await see('#installed-version', /\(a\)$/);
    await see('#installed-fixes', /[A-Z]/);
    await page().click('#remove');
    await see('#remove-dialog', /open again|No vulnerability/);
    await see('#remove-impact', /^(?!.*Looking).*\w/s);
    await page().click('#remove-dialog-confirm');
    await see('#alert-outcome', 'Removed');
    await see('#installed-nothing', 'Nothing is installed');
    assert.deepStrictEqual(takeErrors(), []);
});
