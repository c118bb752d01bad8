// SPDX-License-Identifier: Apache-2.0
// Keys and thresholds that change. "KEYS/THRESHOLD/SIGNERS" is one version of a role: "12/2/13" has
// the keys 1 and 2, wants both, and is signed with 1 and 3.
'use strict';
const assert = require('assert');
const { Client } = require('../client');
const { Key } = require('../keys');
const { Repository } = require('../repository');
const { test, each } = require('../tap');

const keys = Array.from({ length: 10 }, () => new Key());

function apply(repository, role, version) {
    const [stated, threshold, signers] = version.split('/');
    const pick = (digits) => [...digits].map((digit) => keys[digit]);
    repository.setKeys(role, pick(stated), Number(threshold), pick(signers));
}

async function refreshRoots(versions, code, expected) {
    const repository = new Repository();
    delete repository.published.root;
    repository.signed('root').version = 1;
    for (const version of versions.split(' ')) {
        apply(repository, 'root', version);
        repository.publish('root');
    }
    const client = await Client.fresh(repository);
    await client.refresh(code);
    assert.strictEqual(client.kept('root'), String(repository.published.root.at(expected)));
}

each('a chain of roots is followed', {
    'one key, replaced': '1/1/1 2/1/12 2/1/2',
    'one key, replaced at every step': '1/1/1 2/1/12 3/1/23 1/1/31 2/1/21',
    'one key, with signatures of strangers': '1/1/314 2/1/3214 2/1/324',
    '3 of 5, other signers each time': '01234/3/024 01234/3/041 01234/3/013 01234/3/234',
    '3 of 5, one key replaced': '01234/3/024 01345/3/041',
    '3 of 5, one key replaced, a step between': '01234/3/024 01345/3/0245 01345/3/045',
    '3 of 5, all keys replaced, a step between': '01234/3/024 56789/3/024567 56789/3/567',
    'threshold from 1 to 2 of 3': '123/1/1 123/2/12',
    'threshold from 2 to 1 of 3': '123/2/12 123/1/12 123/1/1',
    'a second key and a threshold of 2': '1/1/1 12/2/12',
}, (versions) => refreshRoots(versions, 0, -1));

each('a root is refused', {
    'not signed with the old key': '1/1/1 2/1/234',
    'not signed with the new key': '1/1/1 2/1/134',
    '3 of 5, with 2 of the new keys': '01234/3/024 01345/3/024',
    '3 of 5, with 2 of the old keys': '01234/3/024 01345/3/045',
    'threshold from 1 to 2, with 1 signature': '123/1/1 123/2/2',
    'threshold from 2 to 1, with 1 signature': '123/2/12 123/1/1',
    'threshold above the number of keys': '1/1/1 1/2/1',
    'after a good one': '1/1/1 2/1/12 3/1/13',
}, (versions) => refreshRoots(versions, 1, -2));

const OTHERS = {
    'one key, replaced': ['2/1/2', 0],
    'one key, with signatures of strangers': ['1/1/314', 0],
    'signed with strangers\' keys only': ['2/1/134', 1],
    '3 of 5, one of them a stranger': ['01345/3/024', 1],
    '3 of 5, with 2 signatures': ['01345/3/04', 1],
    '3 of 5, first three': ['01234/3/012', 0],
    '3 of 5, last three': ['01234/3/234', 0],
    '3 of 5, all five': ['01234/3/43210', 0],
    'threshold above the number of keys': ['01/3/01', 1],
};

for (const role of ['timestamp', 'snapshot', 'targets'])
    each(`new keys for ${role}`, OTHERS, async ([version, code]) => {
        const repository = new Repository();
        const client = await Client.fresh(repository);
        await client.refresh(0);
        apply(repository, role, version);
        repository.publish('root', 'targets', 'snapshot', 'timestamp');
        await client.refresh(code);
        assert.strictEqual(client.version('root'), 2);
        assert.strictEqual(client.version(role), code ? 1 : 2);
    });

test('thirty roots after a long sleep', async () => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    await client.refresh(0);
    for (let i = 0; i < 30; i++) {
        const old = repository.signers('root');
        repository.rotate('root', 'snapshot', 'timestamp');
        const own = repository.signers('root');
        repository.roles.root.signers = [...old.slice(-1), ...own];
        repository.publish('root');
        repository.roles.root.signers = own;
    }
    repository.update('targets');
    client.asked();
    await client.refresh(0);
    assert.strictEqual(client.version('root'), 31);
    assert.deepStrictEqual(client.asked().slice(0, 31),
        Array.from({ length: 31 }, (_, i) => `${i + 2}.root.json`));
});
