// SPDX-License-Identifier: Apache-2.0
// What happens by itself, and who decides it.
'use strict';
const assert = require('assert');
const { test } = require('../../tuf/tap');
const { mock, see, seeNothing, seeCalls, shot, page, focused, isDisabled } = require('../stage');
const i = require('../improvement');

const isOn = id => page().isChecked(`#${id}`);

test('turning it off asks first, and says what that means', async () => {
    await mock({ reset: {}, calls: true });
    await see('#automatic-about', 'installed in the background');
    await page().focus('#automatic');
    await page().keyboard.press('Space');
    await see('#turn-off', 'arrive with the next system update');
    assert.strictEqual(await isOn('automatic'), true);
    await page().keyboard.press('Escape');
    await seeNothing('#turn-off');
    assert.strictEqual(await focused(), 'automatic');
    assert.strictEqual(await isOn('automatic'), true);
    await seeCalls();
    await page().keyboard.press('Space');
    await see('#turn-off', 'Turn off automatic installation?');
    await shot('turn-off-light', { full: false });
    await page().keyboard.press('Shift+Tab');
    await page().keyboard.press('Enter');
    await seeCalls(['SetAutomaticMode', 'off']);
    await see('#automatic-about', 'Fixes arrive with the next system update');
    assert.strictEqual(await isOn('automatic'), false);
    assert.strictEqual(await focused(), 'automatic');
});

test('turning it on asks nothing, and downloading alone is possible', async () => {
    await mock({ reset: { AutomaticMode: 'off' }, calls: true });
    await see('#automatic-about', 'next system update');
    await seeNothing('#postpone');
    await page().focus('#download');
    await page().keyboard.press('Space');
    await seeCalls(['SetAutomaticMode', 'download']);
    await page().waitForFunction(() => document.getElementById('download').checked);
    await page().keyboard.press('Space');
    await seeCalls(['SetAutomaticMode', 'off']);
    await page().focus('#automatic');
    await page().keyboard.press('Space');
    await seeCalls(['SetAutomaticMode', 'install']);
    await see('#automatic-about', 'installed in the background');
    assert.strictEqual(await isOn('download'), true);
    assert.strictEqual(await isDisabled('#download'), true);
});

test('a switch shows what is, not what was wished', async () => {
    await mock({ reset: { AutomaticMode: 'off' }, refuse: { SetAutomaticMode: ['Failed', 'the disk is read-only'] } });
    await see('#automatic-about', 'next system update');
    await page().click('.setting:has(#automatic) .switch');
    await see('#alert-failure', /It did not work\s*The disk is read-only\./);
    assert.strictEqual(await isOn('automatic'), false);
    await mock({ set: { AutomaticMode: 'install' } });
    await see('#automatic-about', 'installed in the background');
    assert.strictEqual(await isOn('automatic'), true);
});

test('it can be postponed and resumed', async () => {
    await mock({ reset: {}, calls: true });
    await page().selectOption('#postpone-for', '604800');
    await page().click('#postpone');
    await see('#postpone-about', 'Nothing is installed or restarted by itself until');
    const [[method, until]] = (await mock({ calls: true })).calls;

    assert.strictEqual(method, 'Postpone');
    assert.ok(Math.abs(until / 1e6 - Date.now() / 1000 - 604800) < 30, until);
    assert.strictEqual(await focused(), 'resume');
    await page().keyboard.press('Enter');
    await seeCalls(['Postpone', 0]);
    await see('#postpone', 'Postpone');
    await mock({ grant: Date.now() * 1000 + 3600e6 });
    await page().click('#postpone');
    await see('#alert-outcome', /Postponed until .*\s*That is as long as it can be postponed\./);
});

test('a managed system says by whom, and what is decided there cannot be pressed', async () => {
    await mock(i.reset({ ...i.AVAILABLE, set: { ...i.AVAILABLE.set, ManagedBy: 'Example Corp', AutomaticModeManaged: true,
                                                ManualInstallAllowed: false, RemovalAllowed: false } }));
    await see('#alert-managed', 'These settings are managed by Example Corp');
    await see('#automatic-about', 'Set by Example Corp.');
    for (const id of ['#automatic', '#download', '#install', '#remove'])
        assert.strictEqual(await isDisabled(id), true, id);
    await see('#install-forbidden', 'does not allow installing by hand');
    await see('#remove-forbidden', 'does not allow removing');
    await seeNothing('#impact');
    await shot('managed-light');
    await mock({ set: { ManagedBy: '' } });
    await see('#alert-managed', 'managed by your organization');
    await mock({ reset: {} });
    await seeNothing('#alert-managed');
});
