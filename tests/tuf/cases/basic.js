// SPDX-License-Identifier: Apache-2.0
// One refresh: what is asked, what is kept, what is refused.
'use strict';
const assert = require('assert');
const { Client } = require('../client');
const { Key, sha256 } = require('../keys');
const { Repository, UPDATE, dateIn, encode } = require('../repository');
const { test, each } = require('../tap');

const FRESH = ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json'];

test('a fresh client asks for each role once, in the order of the workflow', async () => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    assert.deepStrictEqual(client.asked(), []);
    await client.refresh(0);
    assert.deepStrictEqual(client.asked(), FRESH);
    assert.strictEqual(client.trusted(), 'root 1, snapshot 1, targets 1, timestamp 1');
});

test('metadata that is there and valid is not fetched again', async () => {
    const client = await Client.fresh(new Repository());
    await client.refresh(0);
    client.asked();
    await client.refresh(0);
    assert.deepStrictEqual(client.asked(), ['2.root.json', 'timestamp.json']);
});

test('metadata is kept as it was received, to the byte', async () => {
    const repository = new Repository();
    for (const role of UPDATE)
        repository.published[role][0] = Buffer.from(`${repository.last(role)}\n \t`);
    const client = await Client.fresh(repository);
    await client.refresh(0);
    for (const role of UPDATE)
        assert.strictEqual(client.kept(role), repository.last(role).toString());
});

test('a download refreshes first, even when the target does not exist', async () => {
    const client = await Client.fresh(new Repository());
    await client.download(1, 'no such target');
    assert.deepStrictEqual(client.asked(), FRESH);
    assert.strictEqual(client.trusted(), 'root 1, snapshot 1, targets 1, timestamp 1');
});

each('a bad first root costs no request', {
    'no version': (root) => { delete root.signed.version; },
    'version 0': (root) => { root.signed.version = 0; },
    'another\'s signature': (root) => {
        root.signatures[0].sig = new Key().sign(root.signed).sig;
    },
    'no signatures': (root) => { root.signatures = []; },
    'another type': (root) => { root.signed._type = 'targets'; },
    'no keys for the timestamp': (root) => { delete root.signed.roles.timestamp; },
    'a threshold of 0': (root) => { root.signed.roles.root.threshold = 0; },
}, async (change) => {
    const repository = new Repository();
    const root = JSON.parse(repository.last('root'));
    change(root);
    const client = new Client(repository, encode(root));
    await client.run(['init', client.root]); // may refuse, or leave that to the refresh
    await client.refresh(1);
    assert.deepStrictEqual(client.asked(), []);
});

each('an unsigned role ends the refresh', {
    root: 'root 1',
    timestamp: 'root 2',
    snapshot: 'root 2, timestamp 2',
    targets: 'root 2, snapshot 2, timestamp 2',
}, async (trusted, role) => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    repository.signers(role).pop();
    repository.publish('root', ...UPDATE);
    await client.refresh(1);
    assert.strictEqual(client.trusted(), trusted);
});

each('a file with another version inside than in its name is refused', {
    root: 'root 1',
    snapshot: 'root 2, timestamp 2',
    targets: 'root 2, snapshot 2, timestamp 2',
}, async (trusted, role) => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    repository.publish(...['root', ...UPDATE].filter((name) => name !== role));
    repository.signed(role).version = 3;
    repository.release(role); // as number 2
    for (const lister of ['snapshot', 'timestamp'].filter((name) => name !== role)) {
        const meta = repository.signed(lister).meta[`${role}.json`];
        if (meta) {
            meta.version = 2;
            repository.published[lister].pop();
            repository.release(lister);
        }
    }
    await client.refresh(1);
    assert.strictEqual(client.trusted(), trusted);
});

test('a timestamp of the version that is kept changes nothing', async () => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    await client.refresh(0);
    client.asked();
    repository.signed('timestamp').meta['snapshot.json'].version = 100;
    repository.release('timestamp'); // once more as version 1
    const kept = client.kept('timestamp');
    await client.refresh(0);
    assert.strictEqual(client.asked().at(-1), 'timestamp.json');
    assert.strictEqual(client.kept('timestamp'), kept);
});

each('metadata must have the length and the digest that is listed', {
    'a wrong digest': { hashes: { sha256: sha256('another') } },
    'too long': (length) => ({ length: length - 1 }),
    'too short': (length) => ({ length: length + 1 }),
}, async (change) => {
    for (const [role, trusted] of [['targets', 'root 1, snapshot 3, targets 2, timestamp 3'],
        ['snapshot', 'root 1, snapshot 2, targets 2, timestamp 3']]) {
        const repository = new Repository();
        repository.withDigests = true;
        repository.publish(...UPDATE);
        const client = await Client.fresh(repository);
        await client.refresh(0);
        repository.publish('targets', ...(role === 'snapshot' ? ['snapshot'] : []));
        const lister = role === 'targets' ? 'snapshot' : 'timestamp';
        const meta = repository.signed(lister).meta[`${role}.json`];
        Object.assign(meta, typeof change === 'function' ? change(meta.length) : change);
        repository.publish(...(role === 'targets' ? ['snapshot', 'timestamp'] : ['timestamp']));
        await client.refresh(1);
        assert.strictEqual(client.trusted(), trusted);
    }
});

test('unknown members are covered by signatures and key identifiers', async () => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    await client.refresh(0);
    repository.signed('root')['custom-field'] = { 'é\u2028\n"\\\u0001': ['value', null, true, -3] };
    repository.signed('root').roles.root['another-field'] = 'value';
    repository.addKey('root', repository.newKey('ed25519', { 'extra-field': { b: 2, a: 1 } }));
    repository.signed('root').roles.root.threshold = 2;
    repository.publish('root');
    await client.refresh(0);
    assert.strictEqual(client.version('root'), 2);
    repository.publish('root');
    repository.harm('root', (root) => { root.signed['custom-field'] = {}; });
    await client.refresh(1);
    assert.strictEqual(client.version('root'), 2);
});

each('a file that is missing', {
    timestamp: ['root 1, snapshot 1, targets 1, timestamp 1', 'timestamp.json'],
    snapshot: ['root 1, snapshot 1, targets 1, timestamp 2', '2.snapshot.json'],
    targets: ['root 1, snapshot 2, targets 1, timestamp 2', '2.targets.json'],
}, async ([trusted, asked], role) => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    await client.refresh(0);
    repository.publish(...UPDATE);
    repository.answers[asked] = 404;
    await client.refresh(1);
    assert.strictEqual(client.asked().at(-1), asked);
    assert.strictEqual(client.trusted(), trusted, role);
});

each('the answer to the next root', {
    '404 is the end of the roots': [404, 0],
    '403 is the end of the roots': [403, 0],
    '400 is an error': [400, 1],
}, async ([status, code]) => {
    const repository = new Repository();
    repository.answers['2.root.json'] = status;
    const client = await Client.fresh(repository);
    await client.refresh(code);
    assert.strictEqual(client.asked().includes('timestamp.json'), code === 0);
});

each('metadata of another type is refused, though its keys would do', {
    'a snapshot as timestamp': ['snapshot', 'timestamp', 'root 2'],
    'a targets role as snapshot': ['targets', 'snapshot', 'root 2, timestamp 2'],
    'a snapshot as targets': ['snapshot', 'targets', 'root 2, snapshot 2, timestamp 2'],
    'a timestamp as root': ['timestamp', 'root', 'root 2'],
}, async ([type, role, trusted]) => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    const body = repository.signed(role);
    repository.publish('root', ...UPDATE);
    body._type = type;
    if (role === 'root') {
        repository.publish('root');
    } else {
        repository.published[role].pop();
        repository.release(role);
    }
    await client.refresh(1);
    assert.strictEqual(client.trusted(), trusted);
});

each('without consistent snapshots names have no versions and artifacts no digests', {
    plain: false,
    'with digests in the metadata': true,
}, async (withDigests) => {
    const repository = new Repository({ consistent: false });
    repository.withDigests = withDigests;
    repository.addArtifact('targets', 'dir/file', 'content');
    repository.update('targets');
    const client = await Client.fresh(repository);
    await client.download(0, 'dir/file');
    assert.deepStrictEqual(client.asked(),
        ['2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json']);
    assert.deepStrictEqual(client.fetched(), ['dir/file']);
    assert.deepStrictEqual(client.artifacts(), ['content']);
});

test('the clock is the one of the C library', async () => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    repository.signed('root').expires = dateIn(7);
    repository.publish('root');
    await client.refresh(0, 6);
    await client.refresh(1, 8);
    assert.strictEqual(client.version('root'), 2);
});
