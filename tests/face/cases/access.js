// SPDX-License-Identifier: Apache-2.0
// For everybody: by keyboard, by ear, in the dark and in narrow windows.
'use strict';
const assert = require('assert');
const fs = require('fs');
const { test } = require('../../tuf/tap');
const { mock, see, shot, page, focused, load, NARROW, WIDE } = require('../stage');
const i = require('../improvement');

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// What axe-core finds wrong, in words: by all rules, or only of the colors.
async function judge(what, isWhole = true) {
    if (!await page().evaluate(() => 'axe' in window))
        await page().evaluate(AXE);
    const only = isWhole ? { type: 'tag', values: RULES } : { type: 'rule', values: ['color-contrast'] };
    const { violations, passes } = await page().evaluate(
        runOnly => window.axe.run(document, { runOnly, resultTypes: ['violations'] }), only);

    assert.ok(passes.length > 0, 'nothing was judged');
    assert.deepStrictEqual(violations.map(each => `${what}: ${each.id}: ${each.nodes.map(node => node.html).join(' ')}`), []);
}

function seeTheme(theme) {
    return page().waitForFunction(isDark => document.documentElement.classList.contains('pf-theme-dark') === isDark, theme === 'dark');
}

async function isWithoutScrollbar(what) {
    const [all, seen] = await page().evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);

    assert.ok(all <= seen, `${what}: ${all} pixels in a window of ${seen}`);
}

const SCENES = {
    available: async () => {
        await mock(i.reset({ ...i.AVAILABLE, set: { ...i.AVAILABLE.set, DeferredReasons: ['metered', 'not-idle'] } }));
        await see('#offer-waits', 'metered');
        await page().evaluate(() => document.querySelectorAll('details').forEach(each => (each.open = true)));
        await page().click('#preview');
        await see('#preview-progress', 'Preparing');
        await mock({ end: { result: 'done', report: i.report({ dry_run: true }) } });
        await see('#preview-result', 'nginx.service');
    },
    installing: async () => {
        await mock(i.reset(i.AVAILABLE));
        await see('#offer-facts', 'MB');
        await page().click('#install');
        await see('#progress', 'Preparing');
        await mock({ job: { Phase: 'download', Progress: 35, BytesDone: 2940000, BytesTotal: 8400000 }, set: { State: 'downloading' } });
        await see('#progress', '2.94 MB');
    },
    restart: async () => {
        await mock(i.reset({ ...i.STAGED, set: { ...i.STAGED.set, ManagedBy: 'Example Corp', AutomaticModeManaged: true,
                                                 RestartAtUSec: Date.now() * 1000 + 5 * i.MINUTE, LastError: ['NotVerified', 'the signature is not good'] } }));
        await mock({ status: { withdrawn: { sequence: 1, label: '26.3.1 (a)', level: 'advise', reason: 'it breaks printing' } },
                     set: { LastCheckUSec: i.NOW } });
        await see('#alert-withdrawn', 'breaks printing');
        await see('#alert-last-error', 'signature');
    },
    trial: async () => {
        await mock(i.reset(i.TRIAL));
        await see('#installed-fixes', 'CVE-2026-0077');
        await see('#installed-fixes', 'CVE-2026-0101');
    },
};

for (const [theme, size] of [['light', WIDE], ['dark', WIDE], ['light', NARROW], ['dark', NARROW]]) {
    const name = `${theme}${size === NARROW ? '-narrow' : ''}`;

    test(`all can be read: ${name}`, async () => {
        await page().emulateMedia({ colorScheme: theme });
        await page().setViewportSize(size);
        await seeTheme(theme);
        for (const [scene, show] of Object.entries(SCENES)) {
            if (name === 'dark-narrow' && scene !== 'available') // the light one was as narrow
                continue;
            await show();
            if (size === WIDE || (scene === 'available' && theme === 'light'))
                await judge(`${scene}-${name}`, theme === 'light' && scene !== 'installing');
            await isWithoutScrollbar(`${scene}-${name}`);
            if (size === WIDE || scene === 'available')
                await shot(`${scene}-${name}`);
            if (scene === 'installing') {
                await mock({ end: { result: 'canceled' } });
                await page().click('#alert-outcome .button-plain');
            }
        }
        await SCENES.trial();
        await page().click('#remove');
        await see('#remove-dialog', 'CVE-2026-0101');
        await mock({ end: { result: 'done', report: i.report({ dry_run: true }) } });
        await see('#remove-impact', 'nginx');
        await judge(`remove-${name}`, name === 'light');
        await shot(`remove-${name}`, { full: false });
        await page().keyboard.press('Escape');
    });
}

test('all can be read: without an agent', async () => {
    await page().emulateMedia({ colorScheme: 'light' });
    await page().setViewportSize(WIDE);
    await mock({ here: false });
    await see('#missing', 'not running');
    await judge('missing');
    await mock({ here: true });
    await see('#headline', /./);
});

test('Cockpit\'s own choice of light or dark is followed', async () => {
    await page().setViewportSize(WIDE);
    await page().emulateMedia({ colorScheme: 'light' });
    await page().evaluate(() => window.localStorage.setItem('shell:style', 'dark'));
    await load();
    await seeTheme('dark');
    await page().evaluate(() => window.dispatchEvent(new window.CustomEvent('cockpit-style', { detail: { style: 'light' } })));
    await seeTheme('light');
    await page().evaluate(() => window.localStorage.removeItem('shell:style'));
    await page().emulateMedia({ colorScheme: 'dark' });
    await load();
    await seeTheme('dark');
    await page().emulateMedia({ colorScheme: 'light' });
    await seeTheme('light');
});

test('everything is reached by Tab, in the order in which it is read', async () => {
    const wanted = ['check', 'automatic', 'postpone-for', 'postpone', 'install', 'SUMMARY', 'SUMMARY', 'remove'];
    const order = [];

    await mock(i.reset(i.AVAILABLE));
    await load();
    await see('#offer-facts', 'MB');
    for (let n = 0; n < wanted.length; n++) {
        await page().keyboard.press('Tab');
        order.push(await focused());
    }
    assert.deepStrictEqual(order, wanted);
    // and one can see where one is
    assert.notStrictEqual(await page().evaluate(() => window.getComputedStyle(document.activeElement).outlineStyle), 'none');
});

test('sections open and close by keyboard', async () => {
    await mock(i.reset(i.AVAILABLE));
    await see('#fixes', 'What it fixes');
    await page().focus('#fixes summary');
    await page().keyboard.press('Enter');
    await see('#fixes', 'CVE-2026-0101');
    await page().keyboard.press('Space');
    assert.strictEqual(await page().locator('#fixes .details-body').isVisible(), false);
});

test('a change leaves an open section open, and the focus where it is', async () => {
    await mock(i.reset(i.AVAILABLE));
    await see('#fixes', 'What it fixes');
    await page().click('#fixes summary');
    await page().focus('#fixes a');
    await mock({ set: { LastCheckUSec: Date.now() * 1000, DeferredReasons: ['metered'] } });
    await see('#offer-waits', 'metered');
    await see('#fixes', 'CVE-2026-0101');
    assert.strictEqual(await focused(), 'A');
    await page().click('#fixes summary');
});

test('parts have names for who listens', async () => {
    const snapshot = await page().locator('#page').ariaSnapshot();

    for (const words of ['heading "Background Security Improvements" [level=1]', 'region "Status"', 'region "Available"',
        'switch "Automatically Install" [checked]', 'heading "History" [level=2]', 'table "History"'])
        assert.ok(snapshot.includes(words), `${words} is not in\n${snapshot}`);
});
