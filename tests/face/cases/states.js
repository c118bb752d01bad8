// SPDX-License-Identifier: Apache-2.0
// What is shown of each thing that the agent can say.
'use strict';
const assert = require('assert');
const { test, each } = require('../../tuf/tap');
const { mock, see, seeNothing, load, page, isDisabled, takeErrors } = require('../stage');
const i = require('../improvement');

test('before the agent has answered nothing can be pressed', async () => {
    await mock({ ...i.reset(i.AVAILABLE), hold: true });
    await page().reload();
    await see('#loading', 'Asking the service');
    assert.strictEqual(await page().getAttribute('#page', 'aria-busy'), 'true');
    assert.strictEqual(await page().locator('button:visible, input:visible').count(), 0);
    await mock({ hold: false });
    await see('#offer-title', '26.3.1 (b)');
    assert.strictEqual(await page().getAttribute('#page', 'aria-busy'), 'false');
    await seeNothing('#loading');
});

// State → headline, and whether Check Now, Install and Remove can be pressed
each('each state', {
    idle: ['All security improvements are installed', true, null, true],
    checking: ['Looking for improvements', false, false, true],
    available: ['A security improvement is available', true, true, true],
    downloading: ['Downloading', false, false, true],
    staging: ['Verifying', false, false, true],
    installing: ['Installing', false, false, true],
    removing: ['Removing', false, false, false],
    'restart-required': ['A restart completes the installation', true, null, true],
    trial: ['Installed, and being watched', true, null, true],
    failed: ['The last attempt failed', true, true, true],
}, async ([words, mayCheck, mayInstall, mayRemove], state) => {
    const of = mayInstall === null ? i.INSTALLED : i.AVAILABLE;

    await mock(i.reset(state === 'restart-required' ? i.STAGED : { ...of, set: { ...of.set, State: state } }));
    await see('#headline', words);
    assert.strictEqual(!await isDisabled('#check'), mayCheck, 'Check Now');
    assert.strictEqual(!await isDisabled('#remove'), mayRemove, 'Remove');
    if (mayInstall === null)
        await seeNothing('#install');
    else
        assert.strictEqual(!await isDisabled('#install'), mayInstall, 'Install');
});

test('every state of the contract is tested', async () => {
    const api = require('fs').readFileSync(require('path').join(__dirname, '../../../api/org.suture.Manager1.xml'), 'utf8');
    const words = /<!-- (idle, checking[^:]*):/.exec(api)[1].replace(/suture\(1\).*/, '').match(/[a-z-]+/g);

    assert.deepStrictEqual(words, ['idle', 'checking', 'available', 'downloading', 'staging', 'installing', 'removing',
        'restart-required', 'trial', 'failed']);
});

// An idle agent is not always one that has all.
each('an idle system', {
    'that was never checked': [{ set: { LastCheckUSec: 0 } }, 'Nothing is known yet', 'Not checked yet'],
    'that waits for its turn': [{ set: { AvailableSequence: 1, AvailableLabel: '(a)', AvailableState: 'waits-for-rollout' } },
        'A security improvement has to wait', 'not this system\'s turn yet'],
    'whose owner removed it': [{ set: { AvailableSequence: 1, AvailableLabel: '(a)', AvailableState: 'removed-by-owner' } },
        'Security improvements were removed', 'It was removed here'],
    'on which it failed': [{ set: { AvailableSequence: 1, AvailableLabel: '(a)', AvailableState: 'failed-before' } },
        'A security improvement has to wait', 'is not tried again'],
    'that needs a newer base': [{ set: { AvailableSequence: 1, AvailableLabel: '(a)', AvailableState: 'needs-newer-base' } },
        'A security improvement has to wait', 'newer version of the system'],
    'whose vendor holds it back': [{ set: { AvailableSequence: 1, AvailableLabel: '(a)', AvailableState: 'on-hold' } },
        'A security improvement has to wait', 'stopped the roll-out'],
    'that gets no more': [{ status: { support: { ended: true, until: '2026-11-01T00:00:00Z', superseded_by: '26.4',
                                                 text: '26.3.1 gets no more improvements; update to 26.4' } } },
    'This system gets no more improvements', /update to 26\.4[^]*No improvement is waiting to be installed\. Later fixes come with the system 26\.4\./],
}, async ([state, words, more]) => {
    await mock({ reset: state.set || {}, ...state, set: {} });
    await see('#headline', words);
    await see('#page', more);
});

test('what is offered is told with all that the vendor wrote', async () => {
    await mock(i.reset(i.AVAILABLE));
    await see('#offer-title', '26.3.1 (b)');
    await see('#offer', /Critical\s*Exploited/);
    await see('#offer-summary', 'Security fixes for the TLS library and remote login.');
    await see('#offer-facts', /8\.4.? MB to download · published .* ago/);
    await mock({ status: { offer: { ...i.OFFER, download_bytes: 404 } }, set: { LastCheckUSec: i.NOW - i.MINUTE } });
    await see('#offer-facts', '404 bytes to download');
    await see('#fixes summary', 'What it fixes (2)');
    await page().click('#fixes summary');
    for (const words of ['CVE-2026-0101', 'openssl', 'use all of the memory', 'was not bounded', 'An anonymous researcher',
        'CVE-2026-0102'])
        await see('#fixes', words);
    assert.strictEqual(await page().getAttribute('#fixes a', 'href'), 'https://www.example.com/advisories/2026-0101');
    assert.strictEqual(await page().getAttribute('#fixes a', 'rel'), 'noopener noreferrer');
    await page().click('#fixes summary');
    await mock({ status: { offer: { ...i.OFFER, downloaded: true } }, set: { LastCheckUSec: i.NOW } });
    await see('#offer-facts', 'downloaded');
    await see('#last-check', 'this minute');
});

test('without notes the ids are told', async () => {
    const [about] = i.AVAILABLE.improvements;

    await mock({ ...i.reset(i.AVAILABLE), improvements: [{ ...about, has_notes: false, why: 'they did not come', advisories: [] }] });
    await page().click('#fixes summary');
    await see('#fixes', 'The vendor wrote nothing more about it.');
    await see('#fixes', 'CVE-2026-0102');
    await page().click('#fixes summary');
});

test('every reason for waiting is told in words', async () => {
    const words = ['metered', 'on-battery', 'battery-low', 'inhibited', 'held', 'not-idle', 'disk-full', 'rollout', 'delay',
        'window', 'postponed', 'automatic-off', 'managed-off', 'clock', 'restart-off', 'base-change', 'moon-phase'];
    const { set } = i.AVAILABLE;

    await mock(i.reset({ ...i.AVAILABLE, set: { ...set, DeferredReasons: words } }));
    await mock({ status: { deferred: [{ reason: 'base-change', text: 'somebody changes the base' }] }, set: { LastCheckUSec: i.NOW } });
    await see('#offer-waits', 'The service waits: moon-phase.');
    await see('#offer-waits', 'Somebody changes the base.');
    assert.strictEqual(await page().locator('#offer-waits li').count(), words.length);
    for (const text of await page().locator('#offer-waits li').allInnerTexts())
        assert.match(text, /^[A-Z][a-z]* .{12,}\.$/);
    await see('#ready [data-row=space][data-level=danger]', 'make room in /var');
});

test('a reason that is told twice is shown once, in the words that say more', async () => {
    const { set, status } = i.AVAILABLE;
    const why = '26.3.1 (b) failed on this system: nginx.service did not start';

    await mock(i.reset({ ...i.AVAILABLE, set: { ...set, State: 'idle', AvailableState: 'failed-before', DeferredReasons: ['failed-before', 'metered'] },
                         status: { ...status, offer: { ...i.OFFER, state: 'failed-before', why } } }));
    await see('#offer-waits', 'metered');
    await see('#offer-waits', why);
    assert.strictEqual(await page().locator('#offer-waits li').count(), 2);
});

test('what is installed is told with its trial and its fixes', async () => {
    await mock(i.reset(i.TRIAL));
    await see('#installed-version', '26.3.1 (b)');
    await see('#installed-since', 'Nov 29, 2026, 8:00');
    await see('#installed-trial', /Until .* \(in [78] minutes\)\. 2 services are watched; if one fails, 26\.3\.1 \(a\) comes back/);
    for (const fix of [...i.FIXES, i.OLDER])
        await see('#installed-fixes', `${fix.cve} ${fix.impact}`);
    await mock({ set: { RestartNeeded: 'session' } });
    await see('#installed-restart', 'until they log out');
});

test('the history is told in words, newest first', async () => {
    const more = Array.from({ length: 6 }, (_, n) => ({ time: `2026-11-2${n + 1}T00:00:00Z`, event: 'strange-thing', text: `t${n}`,
                                                        sequence: 1, generation: 1 })).reverse();

    await mock({ ...i.reset(i.INSTALLED), history: [...more, ...i.HISTORY] });
    await see('#history tbody tr:first-child', /Nov 26, 2026.*strange-thing.*t5/s);
    assert.strictEqual(await page().locator('#history tbody tr').count(), 8);
    await page().click('#history-all');
    await see('#history tbody tr:last-child', /Nov 20, 2026.*Downloaded.*26\.3\.1 \(a\)/s);
    assert.strictEqual(await page().locator('#history tbody tr').count(), 10);
    await mock(i.reset({ set: {} }));
    await mock({ history: [], set: { Sequence: 0 } });
    await see('#history', 'Nothing has happened yet');
});

each('readiness', {
    'of a clock that is behind': [{ checks: { clock_is_behind: true, expires: '2026-12-05T08:00:00Z', fresh: true } }, 'clock', 'danger', 'set the time'],
    'of a repository that fails': [{ checks: { problem: 'cannot connect to updates.example.org', expires: '2026-12-05T08:00:00Z', fresh: true } },
        'repository', 'warning', 'Cannot connect to updates.example.org.'],
    'of a repository that is stale': [{ checks: { expires: '2026-11-05T08:00:00Z', fresh: false } }, 'repository', 'danger', 'too old'],
    'of a repository that was never asked': [{ checks: { expires: null, fresh: false } }, 'repository', 'info', 'not asked yet'],
    'of a configuration that is wrong': [{ configuration_problem: 'suture.conf:6: unknown key speed' }, 'configuration', 'danger', 'unknown key speed'],
    'of a policy with mistakes': [{ policy: { mistakes: ['policy.d/10.conf:3: unknown key x'] } }, 'configuration', 'warning', 'policy.d/10.conf:3'],
    'that the agent looked at itself': [{ ready: [{ what: 'agent', ok: false, text: 'no boot starts sutured', remedy: 'Run systemctl.' }] }, 'agent', 'danger',
        /Service\s*No boot starts sutured\. Run systemctl\./],
    'of a base whose end is known': [{ support: { ended: false, until: '2027-01-31T00:00:00Z', text: 'x' } }, 'base', 'ok', 'until Jan 31, 2027'],
    'of grafts that are covered': [{ activation: { cover: [{ path: 'usr/lib', by: 'overlay' }], image: [] } }, 'files', 'danger', '/usr/lib is covered by overlay'],
    'of grafts that are off for a while': [{ activation: { paused: 1, cover: [], image: [] } }, 'files', 'warning', 'while somebody changes'],
    'of grafts that fail': [{ activation: { problem: 'image 1 is damaged', cover: [], image: [] } }, 'files', 'danger', 'Image 1 is damaged.'],
}, async ([status, row, level, words]) => {
    await mock({ reset: {}, status });
    await mock({ set: { State: 'idle' } });
    await see(`#ready [data-row=${row}][data-level=${level}]`, words);
});

each('an alert', {
    'for what the vendor withdrew': [{ withdrawn: { sequence: 1, label: '26.3.1 (a)', level: 'advise', reason: 'it breaks printing' } },
        'withdrawn', /The vendor withdrew 26\.3\.1 \(a\)\s*It breaks printing\./],
    'for what failed its trial': [{ reverted: { generation: 1, label: '26.3.1 (a)', time: '2026-11-29T08:00:00Z', why: 'nginx.service failed' } },
        'reverted', /26\.3\.1 \(a\) was taken off\s*nginx\.service failed\./],
    'for what was damaged': [{ owed: { sequence: 1, label: '26.3.1 (a)' } }, 'owed', 'obtained again by itself'],
    'for a configuration that cannot be read': [{ configuration_problem: 'suture.conf:6: unknown key speed' }, 'configuration', 'suture.conf:6'],
}, async ([status, name, words]) => {
    await mock({ reset: {}, status });
    await see(`#alert-${name}`, words);
});

test('what vendors and services write is text, never markup or script', async () => {
    const evil = '<img src=x onerror="document.title=1">';

    await mock(i.reset(i.AVAILABLE));
    await mock({ set: { LastError: ['Failed', evil], LastCheckUSec: i.NOW },
                 status: { offer: { ...i.OFFER, summary: evil, cves: ['CVE-1'] }, version: evil },
                 improvements: [i.improvement(2, '(b)', 'high', evil, [{ cve: 'CVE-1', impact: evil, description: evil, credit: evil,
                                                                          references: ['javascript:alert(1)', 'https://ok.example/'] }])],
                 history: [{ time: '2026-11-29T08:00:00Z', event: evil, text: evil, sequence: 1, generation: 1 }] });
    await see('#offer-summary', '<img src=x');
    await see('#history', '<img src=x');
    assert.strictEqual(await page().locator('#page img').count(), 0);
    assert.deepStrictEqual(await page().locator('#fixes a').evaluateAll(all => all.map(a => a.href)), ['https://ok.example/']);
    assert.strictEqual(await page().title(), 'Background Security Improvements');
});

test('an agent that answers with nonsense leaves a page that can be read', async () => {
    await mock(i.reset(i.AVAILABLE));
    await mock({ status: { offer: null, fixes: null, activation: null, checks: null }, improvements: [{ sequence: 2, has_notes: true, advisories: 5, cves: 7 }], history: [],
                 set: { State: 'hibernating', LastCheckUSec: i.NOW } });
    await see('#headline', 'hibernating');
    await see('#installed', '26.3.1 (a)');
    await load();
    await see('#headline', 'hibernating');
    assert.deepStrictEqual(takeErrors(), []);
});
