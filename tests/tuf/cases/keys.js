// SPDX-License-Identifier: Apache-2.0
// Signatures: which keys there are, and what counts towards a threshold.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const { Client } = require('../client');
const { Repository, UPDATE } = require('../repository');
const { test, each } = require('../tap');

async function refreshed() {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    await client.refresh(0);
    return { repository, client };
}

test('three keys with a threshold of 3 want three signatures', async () => {
    const { repository, client } = await refreshed();
    repository.addKey('snapshot');
    repository.addKey('snapshot');
    repository.signed('root').roles.snapshot.threshold = 3;
    repository.publish('root', ...UPDATE);
    await client.refresh(0);
    repository.signers('snapshot').pop();
    repository.publish(...UPDATE);
    await client.refresh(1);
    assert.strictEqual(client.trusted(), 'root 2, snapshot 2, targets 2, timestamp 3');
});

each('members that the specification does not have change nothing in a key', {
    'a digest algorithm that is none': { keyid_hash_algorithms: 'md5' },
    'a digest algorithm': { keyid_hash_algorithms: ['sha256', 'sha512'] },
}, async (fields) => {
    const { repository, client } = await refreshed();
    repository.setKeys('snapshot', [repository.newKey('ed25519', fields)]);
    repository.publish('root', ...UPDATE);
    await client.refresh(0);
    assert.strictEqual(client.trusted(), 'root 2, snapshot 2, targets 2, timestamp 2');
});

test('one key listed nine times is one key', async () => {
    const { repository, client } = await refreshed();
    const key = repository.newKey();
    repository.setKeys('snapshot', [key]);
    Object.assign(repository.signed('root').roles.snapshot,
        { keyids: new Array(9).fill(key.id), threshold: 6 });
    repository.publish('root', ...UPDATE);
    repository.harm('snapshot', ({ signatures }) => {
        signatures.push(...new Array(8).fill(signatures[0]));
    });
    await client.refresh(1);
    assert.strictEqual(client.version('snapshot'), 1);
});

// Clients MUST calculate each KEYID (4.2).
each('a key under an identifier that is not its digest does not count', {
    'a name': () => 'the key of the cupboard',
    'another digest': () => 'ab'.repeat(32),
    'that of another key': (repository) => repository.signed('root').roles.timestamp.keyids[0],
}, async (identifier) => {
    const { repository, client } = await refreshed();
    const key = repository.newKey();
    key.id = identifier(repository);
    repository.setKeys('snapshot', [key]);
    repository.publish('root', ...UPDATE);
    await client.refresh(1);
    assert.strictEqual(client.version('snapshot'), 1);
});

test('one key under two key identifiers is one key', async () => {
    const { repository, client } = await refreshed();
    const key = repository.newKey();
    repository.setKeys('snapshot', [key]);
    const root = repository.signed('root');
    const alias = 'ab'.repeat(32);
    root.keys[alias] = key.object;
    root.roles.snapshot = { keyids: [key.id, alias], threshold: 2 };
    repository.publish('root', ...UPDATE);
    repository.harm('snapshot', ({ signatures }) => {
        signatures.push({ ...signatures[0], keyid: alias });
    });
    await client.refresh(1);
    assert.strictEqual(client.version('snapshot'), 1);
});

each('what does not verify does no harm beside what does', {
    'of an older version': (own, other, old) => { other.sig = old; },
    'an empty text': (own, other) => { other.sig = ''; },
    'too short': (own, other) => { other.sig = other.sig.slice(0, 20); },
    'no hexadecimal digits': (own, other) => { other.sig = 'zz'.repeat(64); },
    'of another key': (own, other) => { other.sig = own.sig; },
    'of a key that nobody knows': (own, other) => {
        other.keyid = crypto.randomBytes(32).toString('hex');
    },
}, async (change) => {
    const { repository, client } = await refreshed();
    const [{ sig: old }] = JSON.parse(repository.last('timestamp')).signatures;
    repository.addKey('timestamp');
    repository.publish('root', 'timestamp');
    repository.harm('timestamp', ({ signatures: [first, second] }) => change(second, first, old));
    await client.refresh(0);
    assert.strictEqual(client.trusted(), 'root 2, snapshot 1, targets 1, timestamp 2');
});

test('a key type that is not known is no reason to refuse a root that can do without', async () => {
    const { repository, client } = await refreshed();
    repository.addKey('timestamp',
        repository.newKey('ed25519', { keytype: 'dilithium', scheme: 'dilithium3' }));
    repository.publish('root', 'timestamp');
    await client.refresh(0);
    assert.strictEqual(client.trusted(), 'root 2, snapshot 1, targets 1, timestamp 2');
});
