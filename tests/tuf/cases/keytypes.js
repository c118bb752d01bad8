// SPDX-License-Identifier: Apache-2.0
// The key types of the specification, each with good and with wrong signatures.
'use strict';
const assert = require('assert');
const { Client } = require('../client');
const { Repository } = require('../repository');
const { test } = require('../tap');

async function refreshed() {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    await client.refresh(0);
    return { repository, client };
}

const TYPES = ['ed25519', 'ecdsa', 'rsa'];

for (const type of TYPES) {
    test(`${type}: a root is refused when its second signature is wrong`, async () => {
        const { repository, client } = await refreshed();
        const key = repository.addKey('root', repository.newKey(type));
        repository.signed('root').roles.root.threshold = 2;
        repository.publish('root');
        await client.refresh(0);
        assert.strictEqual(client.version('root'), 2);
        repository.publish('root');
        const wrong = key.sign({ ...repository.signed('root'), version: 4 }).sig;
        repository.harm('root', ({ signatures }) => { signatures[1].sig = wrong; });
        await client.refresh(1);
        assert.strictEqual(client.version('root'), 2);
    });

    test(`${type}: every role can have such a key, delegated ones too`, async () => {
        const repository = new Repository({ keyType: type });
        repository.delegate('targets', 'delegated');
        repository.addArtifact('delegated', 'file', 'content');
        repository.update('delegated', 'targets');
        const client = await Client.fresh(repository);
        await client.download(0, 'file');
        repository.update('delegated', 'targets');
        repository.harm('delegated', ({ signed }) => { signed.version++; });
        await client.download(1, 'file');
        assert.strictEqual(client.version('delegated'), 1);
    });
}

test('the old name of the ECDSA key type is known', async () => {
    const { repository, client } = await refreshed();
    repository.setKeys('timestamp',
        [repository.newKey('ecdsa', { keytype: 'ecdsa-sha2-nistp256' })]);
    repository.publish('root', 'timestamp');
    await client.refresh(0);
    assert.strictEqual(client.version('timestamp'), 2);
});

test('two signatures under one key identifier are refused', async () => {
    const { repository, client } = await refreshed();
    repository.publish('snapshot', 'timestamp');
    repository.harm('snapshot', ({ signatures }) => { signatures.push(signatures[0]); });
    await client.refresh(1);
    assert.strictEqual(client.version('snapshot'), 1);
});
