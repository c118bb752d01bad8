// SPDX-License-Identifier: Apache-2.0
// The page's files, as they stand.
'use strict';
const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { test } = require('../../tuf/tap');

const PAGE = path.join(__dirname, '../../../src/face/cockpit');
const read = name => fs.readFileSync(path.join(PAGE, name), 'utf8');
// Looked up by the agent's words.
const BY_WORD = ['headline', 'urgency', 'offer', 'waits', 'scope', 'needed', 'events', 'errors', 'progress', 'ready'];
const modules = fs.readdirSync(PAGE).filter(name => name.endsWith('.js'));

test('every file of the page is installed', () => {
    const listed = read('meson.build').match(/'[a-z-]+\.[a-z]+'/g).map(name => name.slice(1, -1));

    assert.deepStrictEqual(listed.sort(), fs.readdirSync(PAGE).filter(name => name !== 'meson.build').sort());
});

test('every text that is shown is in the table, and all of the table is shown', async () => {
    const source = read('texts.js').replace('window.cockpit.gettext', 'text => text');
    const { texts } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
    const unused = [];
    const used = modules.filter(name => name !== 'texts.js').map(read).join('\n');

    for (const [, group, name] of used.matchAll(/texts\.(\w+)\.(\w+)\b(?!\()/g))
        assert.ok(name in texts[group], `texts.${group}.${name}`);
    for (const [group, table] of Object.entries(texts))
        for (const name of Array.isArray(table) || BY_WORD.includes(group) ? [] : Object.keys(table))
            if (!new RegExp(`texts\\.${group}\\.${name}\\b|"${name}"|[{,] ${name}\\b`).test(used))
                unused.push(`${group}.${name}`);
    assert.deepStrictEqual(unused, []);
    assert.ok(!/\b_\("/.test(used), 'a text beside the table');
});

test('the page loads nothing from elsewhere', () => {
    for (const name of fs.readdirSync(PAGE).filter(each => /\.(js|css|html)$/.test(each)))
        assert.ok(!/(src|href|url\(|from|import)[=( ]*["']?(https?:)?\/\//.test(read(name)), name);
});
