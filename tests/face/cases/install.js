// SPDX-License-Identifier: Apache-2.0
// Checking, previewing, installing, restarting.
'use strict';
const assert = require('assert');
const { test, each } = require('../../tuf/tap');
const { mock, see, seeNothing, seeCalls, page, focused, isDisabled } = require('../stage');
const i = require('../improvement');

const DOWNLOAD = { Phase: 'download', Progress: 35, BytesDone: 2940000, BytesTotal: 8400000 };

async function begin(state = i.AVAILABLE) {
    await mock(i.reset(state));
    await mock({ calls: true });
    await see('#offer-title', '26.3.1 (b)');
    await page().waitForFunction(() => !document.getElementById('install').disabled);
    await page().click('#install');
    await see('#progress', 'Preparing');
}

const places = () => page().evaluate(() => [...document.querySelectorAll('.card')].map(card => card.getBoundingClientRect().top));

test('a check is asked for, and what it found is shown', async () => {
    await mock({ reset: {}, calls: true });
    await see('#headline', 'No security improvement is waiting');
    await page().click('#check');
    await page().waitForFunction(() => document.getElementById('check').disabled);
    await seeCalls(['Check', 0]);
    await mock({ set: { LastCheckUSec: Date.now() * 1000 }, end: { result: 'nothing' } });
    await see('#last-check', 'this minute');
    await page().waitForFunction(() => !document.getElementById('check').disabled);
    assert.strictEqual(await page().locator('.alert:visible').count(), 0);
    await see('#announcer', 'Nothing newer was found');
});

test('an installation shows phase, bytes and percent, and what it restarted', async () => {
    await mock(i.reset(i.AVAILABLE));
    await see('#offer-facts', 'MB');
    const before = await places();

    await begin();
    await seeCalls(['Install', 0, 0]);
    await seeNothing('#install');
    assert.strictEqual(await focused(), 'progress-cancel');
    await mock({ set: { State: 'downloading' }, job: DOWNLOAD });
    await see('#progress', /Downloading\s*35%\s*2\.94 MB of 8\.40 MB/);
    assert.strictEqual(await page().locator('#progress-bar').evaluate(bar => bar.value), 35);
    assert.strictEqual(await page().getByRole('progressbar', { name: 'Downloading' }).count(), 1);
    await see('#announcer', 'Downloading, 25 percent');
    assert.deepStrictEqual(await places(), before, 'nothing moves when it begins');
    await mock({ job: { Phase: 'apply', Progress: 80, BytesDone: 8400000 } });
    await see('#progress', /Verifying and unpacking\s*80%/);
    await mock({ set: { State: 'installing' }, job: { Phase: 'activate', Progress: 0, Cancellable: false } });
    await see('#progress', 'Putting it in place');
    await page().waitForSelector('#progress-cancel[aria-disabled=true]');
    assert.strictEqual(await focused(), 'progress-cancel');
    await mock({ calls: true });
    await page().keyboard.press('Enter');
    await seeCalls();
    await mock({ job: { Phase: 'restart', Progress: 50 } });
    await see('#progress', /Restarting services\s*50%/);
    await mock({ ...i.TRIAL, end: { result: 'done', report: i.report({}, {
        'nginx.service': { result: 'done' }, 'ssh.service': { result: 'timeout', failed: true, problem: 'it did not start' } }) } });
    await see('#alert-outcome', /26\.3\.1 \(b\) is installed\s*Restarted\s*nginx\.service\s*Could not be restarted\s*ssh\.service – It did not start\./);
    await see('#alert-outcome', /Not restarted by itself\s*session-3\.scope – It ends when alice logs out\.\s*1 program without a service/);
    await seeNothing('#progress');
    await see('#headline', 'being watched');
    await page().click('#alert-outcome .button-plain');
    await seeNothing('#alert-outcome');
});

test('a download can be canceled by the keyboard', async () => {
    await begin();
    await mock({ job: DOWNLOAD });
    await see('#progress', '35%');
    assert.strictEqual(await focused(), 'progress-cancel');
    await page().keyboard.press('Enter');
    await seeCalls(['Install', 0, 0], ['Cancel']);
    await see('#alert-outcome', /Canceled\s*What was downloaded is kept/);
    await see('#install', 'Install');
    assert.strictEqual(await focused(), 'install');
});

test('what comes too late to be canceled says so', async () => {
    await begin();
    await mock({ job: DOWNLOAD });
    await see('#progress', '35%');
    await mock({ refuse: { Cancel: ['NothingToCancel', 'mounts are being changed'] } });
    await page().click('#progress-cancel');
    await see('#alert-failure', /It could not be canceled\s*Mounts are being changed\./);
});

test('a job that runs already when the page comes is shown', async () => {
    await begin();
    await mock({ job: DOWNLOAD });
    await page().reload();
    await see('#progress', /Downloading\s*35%\s*2\.94 MB/);
    await mock({ end: { result: 'done' } });
    await seeNothing('#progress');
});

// Each error that the contract lists
each('an installation that fails', {
    NothingToDo: ['There is nothing to do', ''],
    NotFound: ['Something is missing', 'suture.conf(5)'],
    NotApplicable: ['This does not fit this system', 'another version of the system'],
    NotVerified: ['It could not be verified', 'Nothing was changed. Check this system\'s clock'],
    Busy: ['Something else is at work', 'Wait until it is done'],
    Deferred: ['It has to wait', 'tried again by itself'],
    Managed: ['Your organization decides this', ''],
    Metered: ['The network connection is metered', 'another connection', 2],
    OnBattery: ['This system runs on battery', 'Connect it to power', 4],
    Inhibited: ['A program asks not to be disturbed', 'when it is done'],
    NoSpace: ['There is not enough free space', 'Make room in /var'],
    Failed: ['It did not work', 'journal of sutured.service'],
}, async ([title, remedy, override], name) => {
    await begin();
    await mock({ end: { result: 'failed', error: `org.suture.Manager1.Error.${name}`, text: 'the true cause' } });
    const text = await see('#alert-failure', title);

    assert.ok(text.includes('The true cause.'), text);
    assert.ok(text.includes(remedy), text);
    if (override) {
        await mock({ calls: true });
        await page().click('#failure-override');
        await seeCalls(['Install', 0, override]);
        await seeNothing('#alert-failure');
        await mock({ end: { result: 'done' } });
    } else {
        assert.strictEqual(await page().locator('#failure-override').count(), 0);
    }
    // What the agent keeps as its last error is told once.
    await mock({ reset: { LastError: [name, 'the true cause'] } });
    await see('#alert-last-error, #alert-failure', title);
    assert.ok(await page().locator('#alert-last-error:visible, #alert-failure:visible').count() === 1);
});

test('a call that is refused at once says why', async () => {
    await mock(i.reset(i.AVAILABLE));
    await mock({ refuse: { Install: ['NoSpace', 'it takes 20 MB, and there are 3'] } });
    await see('#offer-facts', 'MB');
    await page().click('#install');
    await see('#alert-failure', /not enough free space\s*It takes 20 MB, and there are 3\. Make room/);
});

test('what would restart is told before', async () => {
    await mock({ ...i.reset(i.AVAILABLE), calls: true });
    await page().click('#impact summary');
    await page().click('#preview');
    await seeCalls(['Preview', 'install']);
    await mock({ job: DOWNLOAD });
    await see('#preview-progress', /Downloading\s*35%/);
    await mock({ end: { result: 'done', report: i.report({ dry_run: true }) } });
    await see('#preview-result', /Will restart\s*nginx\.service\s*ssh\.service\s*Not restarted by itself/);
    await see('#preview-result', 'It takes effect once these services have restarted.');
    assert.strictEqual(await focused(), 'preview');
    for (const [scope, words] of [['reboot', 'after a restart of the system'], ['soft-reboot', 'short restart'],
        ['session', 'logged out'], ['none', 'no restart']]) {
        await page().click('#preview');
        await see('#preview-progress', 'Preparing');
        await mock({ end: { result: 'done', report: i.report({ dry_run: true, scope, impact: null }) } });
        await see('#preview-result', words);
    }
    await page().click('#preview');
    await see('#preview-progress', 'Preparing');
    await mock({ end: { result: 'failed', error: 'Failed', text: 'no route to host' } });
    await see('#alert-failure', 'No route to host.');
    await page().click('#impact summary');
});

test('what takes a restart is restarted for after a question, and counted down', async () => {
    await mock({ ...i.reset(i.STAGED), calls: true });
    await see('#offer-title', '26.3.1 (b)');
    await seeNothing('#install');
    await page().click('#restart');
    await see('#restart-dialog', /Restart to install 26\.3\.1 \(b\)\?/);
    assert.strictEqual(await focused(), 'restart-dialog-confirm');
    await page().keyboard.press('Escape');
    await seeNothing('#restart-dialog');
    assert.strictEqual(await focused(), 'restart');
    await seeCalls();
    await page().keyboard.press('Enter');
    await page().keyboard.press('Enter');
    await seeCalls(['Install', 0, 1]);
    await mock({ set: { RestartAtUSec: Date.now() * 1000 + 5 * i.MINUTE }, end: { result: 'nothing' } });
    await see('#alert-restart', /The system restarts in (5:00|4:5\d)/);
    await see('#announcer', 'The system restarts in 5 minutes');
    await seeNothing('#alert-outcome');
    assert.strictEqual(await page().getAttribute('#alert-restart .alert-title', 'aria-live'), 'off');
    assert.strictEqual(await isDisabled('#restart'), true);
    const first = await page().innerText('#alert-restart .alert-title');

    await page().waitForFunction(text => document.querySelector('#alert-restart .alert-title').textContent !== text, first);
});

test('a countdown ends when it is postponed', async () => {
    await mock(i.reset({ ...i.STAGED, set: { ...i.STAGED.set, RestartAtUSec: Date.now() * 1000 + 3661e6 } }));
    await see('#alert-restart', /restarts in 1:0[01]:/);
    await mock({ calls: true });
    await page().click('#restart-hour');
    await seeNothing('#alert-restart');
    const [[method, until]] = (await mock({ calls: true })).calls;

    assert.strictEqual(method, 'Postpone');
    assert.ok(Math.abs(until / 1e6 - Date.now() / 1000 - 3600) < 30, until);
    await see('#announcer', 'Postponed until');
    await see('#postpone-about', 'Nothing is installed or restarted by itself until');
});

test('a countdown that has run out is gone', async () => {
    await mock(i.reset({ ...i.STAGED, set: { ...i.STAGED.set, RestartAtUSec: Date.now() * 1000 + 1.5e6 } }));
    await see('#alert-restart', /restarts in 0:0[12]/);
    await seeNothing('#alert-restart');
    assert.strictEqual(await isDisabled('#restart'), false);
});
