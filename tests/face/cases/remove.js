// SPDX-License-Identifier: Apache-2.0
// Taking it off.
'use strict';
const assert = require('assert');
const { test } = require('../../tuf/tap');
const { mock, see, seeNothing, seeCalls, page, focused, isDisabled } = require('../stage');
const i = require('../improvement');

async function ask(state = i.TRIAL) {
    await mock({ ...i.reset(state), calls: true });
    await see('#installed-fixes', state.status.fixes.at(-1));
    await see('#installed-fixes', state.status.fixes[0]);
    await page().focus('#remove');
    await page().keyboard.press('Enter');
    await see('#remove-dialog', 'Remove 26.3.1');
}

test('a removal says what is open again and what restarts, and is asked for', async () => {
    await ask();
    await see('#remove-dialog', /The system goes back to 26\.3\.1/);
    for (const fix of [...i.FIXES, i.OLDER])
        await see('#remove-dialog', fix.cve);
    await see('#remove-impact', 'Looking at what runs');
    assert.strictEqual(await isDisabled('#remove-dialog-confirm'), false);
    await seeCalls(['Preview', 'remove']);
    await mock({ end: { result: 'done', report: i.report({ dry_run: true }) } });
    await see('#remove-impact', /Will restart\s*nginx\.service\s*ssh\.service/);
    assert.strictEqual(await focused(), 'remove-dialog-cancel');
    await page().keyboard.press('Shift+Tab');
    assert.strictEqual(await focused(), 'remove-dialog-confirm');
    await page().keyboard.press('Enter');
    await seeCalls(['Remove', 0]);
    await seeNothing('#remove-dialog');
    await mock({ set: { State: 'removing' }, job: { Phase: 'activate', Cancellable: false } });
    await see('#remove-progress', 'Putting it in place');
    await mock({ set: { State: 'idle', Sequence: 0, Label: '', DisplayVersion: '26.3.1' }, status: { trial: null, fixes: [] },
                 end: { result: 'done', report: i.report({}, { 'nginx.service': { result: 'done' }, 'ssh.service': { result: 'done' } }) } });
    await see('#alert-outcome', /Removed: this is 26\.3\.1 again\s*Restarted\s*nginx\.service\s*ssh\.service/);
    await see('#installed-nothing', 'Nothing is installed');
});

test('Escape and Cancel leave it on, and the focus where it was', async () => {
    await ask();
    await page().keyboard.press('Escape');
    await seeNothing('#remove-dialog');
    assert.strictEqual(await focused(), 'remove');
    await seeCalls(['Preview', 'remove'], ['Cancel']);
    await ask();
    await page().keyboard.press('Enter');
    await seeNothing('#remove-dialog');
    assert.strictEqual(await focused(), 'remove');
    await seeCalls(['Preview', 'remove'], ['Cancel']);
});

test('the focus stays in the dialog', async () => {
    await ask();
    const seen = new Set();

    for (let n = 0; n < 6; n++) {
        await page().keyboard.press('Tab');
        seen.add(await focused());
    }
    for (const id of seen)
        assert.ok(/^remove-dialog|^BODY$/.test(id), id);
    assert.ok(seen.has('remove-dialog-confirm') && seen.has('remove-dialog-cancel'), [...seen]);
    await page().keyboard.press('Escape');
});

test('who does not wait for the preview ends it', async () => {
    await ask();
    await see('#remove-impact', 'Looking');
    await seeCalls(['Preview', 'remove']);
    await page().click('#remove-dialog-confirm');
    await seeCalls(['Cancel'], ['Remove', 0]);
    await mock({ end: { result: 'done' } });
    await see('#alert-outcome', 'Removed');
});

test('a preview that fails keeps nobody from removing', async () => {
    await ask();
    await mock({ end: { result: 'failed', error: 'Failed', text: 'nobody manages services' } });
    await see('#remove-impact', 'could not be found out: nobody manages services');
    await page().click('#remove-dialog-confirm');
    await seeCalls(['Preview', 'remove'], ['Remove', 0]);
    await mock({ end: { result: 'failed', error: 'Busy', text: 'dpkg is at work' } });
    await see('#alert-failure', /Something else is at work\s*Dpkg is at work\./);
});

test('it can be removed while something is downloaded, and what waits for a restart, too', async () => {
    await mock(i.reset({ ...i.AVAILABLE, set: { ...i.AVAILABLE.set, State: 'downloading' } }));
    await see('#headline', 'Downloading');
    assert.strictEqual(await isDisabled('#remove'), false);
    await mock({ reset: { State: 'restart-required', PendingSequence: 1, PendingLabel: '(a)', RestartNeeded: 'reboot' } });
    await see('#installed-nothing', 'Nothing is installed');
    await page().click('#remove');
    await see('#remove-dialog', 'Remove 26.3.1 (a)?');
    await page().keyboard.press('Escape');
    await seeCalls(['Preview', 'remove'], ['Cancel']); // not in the middle of the next test
});

test('what something covers can be removed, too', async () => {
    await mock({ reset: {}, status: { selected: 1, selected_label: '26.3.1 (a)', health: 'impaired' } });
    await see('#installed-nothing', 'Nothing is installed');
    await page().waitForSelector('#remove', { visible: true });
});
