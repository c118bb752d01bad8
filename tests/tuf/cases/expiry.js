// SPDX-License-Identifier: Apache-2.0
// What has expired is not used; what is kept still guards against older metadata.
'use strict';
const assert = require('assert');
const { Client } = require('../client');
const { Repository, UPDATE, dateIn } = require('../repository');
const { test, each } = require('../tap');

async function refreshed(prepare = () => {}) {
    const repository = new Repository();
    prepare(repository);
    const client = await Client.fresh(repository);
    await client.refresh(0);
    return { repository, client };
}

each('an expired role ends the refresh', {
    // kept before its expiry is looked at (5.3.10)
    root: 'root 2, snapshot 1, targets 1, timestamp 1',
    timestamp: 'root 1, snapshot 1, targets 1, timestamp 1',
    snapshot: 'root 1, snapshot 1, targets 1, timestamp 2',
    targets: 'root 1, snapshot 2, targets 1, timestamp 2',
}, async (trusted, role) => {
    const { repository, client } = await refreshed();
    repository.signed(role).expires = dateIn(-5);
    repository.publish(...(role === 'root' ? ['root'] : []), ...UPDATE);
    await client.refresh(1);
    assert.strictEqual(client.trusted(), trusted);
});

test('a first root that has expired serves to verify the next one', async () => {
    const repository = new Repository();
    repository.signed('root').expires = dateIn(-1);
    delete repository.published.root;
    repository.release('root');
    const client = await Client.fresh(repository);
    await client.refresh(1);
    repository.publish('root'); // still expired
    await client.refresh(1);
    repository.signed('root').expires = dateIn(1);
    repository.publish('root');
    await client.refresh(0);
    assert.strictEqual(client.version('root'), 3);
});

test('kept metadata that has expired serves an update', async () => {
    const { repository, client } = await refreshed((fresh) => {
        fresh.signed('timestamp').expires = dateIn(7);
        fresh.publish('timestamp');
    });
    repository.signed('timestamp').expires = dateIn(21);
    repository.update('targets');
    await client.refresh(0, 18);
    assert.strictEqual(client.trusted(), 'root 1, snapshot 2, targets 2, timestamp 3');
});

test('a kept timestamp that has expired still refuses an older one', async () => {
    const repository = new Repository();
    repository.signed('timestamp').expires = dateIn(21);
    repository.publish('timestamp');
    repository.signed('timestamp').expires = dateIn(7);
    repository.publish('timestamp');
    const client = await Client.fresh(repository);
    await client.refresh(0);
    repository.answers['timestamp.json'] = repository.published.timestamp[1];
    await client.refresh(1, 18);
    assert.strictEqual(client.version('timestamp'), 3);
});

for (const role of ['root', ...UPDATE])
    test(`a repository that is frozen is noticed: ${role}`, async () => {
        const { client } = await refreshed((repository) => {
            repository.signed(role).expires = dateIn(7);
            repository.publish(...(role === 'root' ? ['root'] : []), ...UPDATE);
        });
        await client.refresh(0, 6);
        await client.refresh(1, 8);
    });

// A delegated role "delegated" with two artifacts, which expires in so many days.
async function delegated(days) {
    const repository = new Repository();
    repository.delegate('targets', 'delegated', { paths: ['path/*'] });
    repository.signed('delegated').expires = dateIn(days);
    repository.addArtifact('delegated', 'path/first', 'first');
    repository.addArtifact('delegated', 'path/second', 'second');
    repository.update('delegated', 'targets');
    return { repository, client: await Client.fresh(repository) };
}

test('a delegated role that has expired is neither used nor kept', async () => {
    const { client } = await delegated(-1);
    await client.refresh(0);
    await client.download(1, 'path/first');
    assert.deepStrictEqual(client.artifacts(), []);
    assert.strictEqual(client.trusted(), 'root 1, snapshot 2, targets 2, timestamp 2');
});

test('a kept delegated role is not used when it has expired', async () => {
    const { client } = await delegated(7);
    await client.download(0, 'path/first');
    await client.download(1, 'path/second', 18);
    assert.deepStrictEqual(client.artifacts(), ['first']);
});

test('a kept delegated role that has expired is updated', async () => {
    const { repository, client } = await delegated(7);
    await client.download(0, 'path/first');
    repository.signed('delegated').expires = dateIn(21);
    repository.update('delegated');
    await client.download(0, 'path/second', 18);
    assert.deepStrictEqual(client.artifacts(), ['first', 'second']);
});

// Section 4.1 has one format; clients differ in how much more they read.
each('only one spelling of a date is a date', {
    'with milliseconds': '2999-01-01T00:00:00.000Z',
    'without a zone': '2999-01-01T00:00:00',
    'with another zone': '2999-01-01T00:00:00+01:00',
    'with a space': '2999-01-01 00:00:00Z',
    'of a month that does not exist': '2999-13-01T00:00:00Z',
    'of a day that does not exist': '2999-02-29T00:00:00Z',
}, async (date) => {
    const { repository, client } = await refreshed();
    repository.signed('timestamp').expires = date;
    repository.publish('timestamp');
    await client.refresh(1);
    assert.strictEqual(client.version('timestamp'), 1);
});
