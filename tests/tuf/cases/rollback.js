// SPDX-License-Identifier: Apache-2.0
// No version goes down, unless the keys of the roles that list it were replaced.
'use strict';
const assert = require('assert');
const { Client } = require('../client');
const { Repository, UPDATE } = require('../repository');
const { test, each } = require('../tap');

async function refreshed(prepare) {
    const repository = new Repository();
    prepare(repository);
    const client = await Client.fresh(repository);
    await client.refresh(0);
    return { repository, client };
}

const WITH_DIGESTS = { plain: false, 'with digests': true };

test('a snapshot that is replaced behind the timestamp\'s back is not even asked for', async () => {
    const { repository, client } = await refreshed(
        (fresh) => fresh.publish('snapshot', 'timestamp'));
    client.asked();
    repository.published.snapshot[1] = repository.published.snapshot[0];
    const kept = client.kept('snapshot');
    repository.published.kept = [Buffer.from(kept)];
    await client.refresh(0);
    assert.strictEqual(client.asked().at(-1), 'timestamp.json');
    assert.strictEqual(client.kept('snapshot'), kept);
});

test('an older timestamp is refused', async () => {
    const { repository, client } = await refreshed((fresh) => fresh.publish('timestamp'));
    client.asked();
    repository.answers['timestamp.json'] = repository.published.timestamp[0];
    await client.refresh(1);
    assert.strictEqual(client.asked().at(-1), 'timestamp.json');
    assert.strictEqual(client.version('timestamp'), 2);
});

each('a newer timestamp with an older snapshot is refused', WITH_DIGESTS, async (withDigests) => {
    const { repository, client } = await refreshed((fresh) => {
        fresh.withDigests = withDigests;
        fresh.publish('snapshot', 'timestamp');
    });
    repository.signed('timestamp').meta['snapshot.json'].version = 1;
    repository.publish('timestamp');
    client.asked();
    await client.refresh(1);
    assert.strictEqual(client.asked().at(-1), 'timestamp.json');
    assert.strictEqual(client.trusted(), 'root 1, snapshot 2, targets 1, timestamp 2');
});

// What snapshot 3 says of a role that had version 2.
const BAD_SNAPSHOTS = {
    'with an older targets role': (meta) => { meta['targets.json'].version = 1; },
    'without the targets role': (meta) => { delete meta['targets.json']; },
    'with an older delegated role': (meta) => { meta['delegated.json'].version = 1; },
    'without the delegated role': (meta) => { delete meta['delegated.json']; },
};

for (const [title, withDigests] of Object.entries(WITH_DIGESTS))
    each(`a newer snapshot (${title}) is refused`, BAD_SNAPSHOTS, async (change) => {
        const { repository, client } = await refreshed((fresh) => {
            fresh.withDigests = withDigests;
            fresh.delegate('targets', 'delegated');
            fresh.publish('delegated');
            fresh.update('delegated', 'targets');
        });
        change(repository.signed('snapshot').meta);
        repository.publish('snapshot', 'timestamp');
        await client.refresh(1);
        assert.strictEqual(client.trusted(), 'root 1, snapshot 2, targets 2, timestamp 3');
    });

test('a snapshot newer than the timestamp says is refused', async () => {
    const repository = new Repository();
    const client = await Client.fresh(repository);
    repository.signed('snapshot').version = 2;
    repository.published.snapshot = [];
    repository.release('snapshot');
    await client.refresh(1);
    assert.strictEqual(client.asked().at(-1), '1.snapshot.json');
    assert.strictEqual(client.trusted(), 'root 1, timestamp 1');
});

// An attacker had some keys and published high versions; the owner takes the keys away and starts
// again. [role, version] of the attack; the keys that are replaced; then the version that counts.
each('recovery from fast-forward attacks', {
    'timestamp, by new timestamp keys': ['timestamp', ['timestamp'], 0],
    'snapshot, by new snapshot and timestamp keys': ['snapshot', ['snapshot', 'timestamp'], 0],
    'snapshot, by new timestamp keys': ['snapshot', ['timestamp'], 0],
    'targets, by new snapshot keys': ['targets', ['snapshot'], 0],
    'targets, by new snapshot and timestamp keys': ['targets', ['snapshot', 'timestamp'], 0],
    'snapshot, not by new snapshot keys alone': ['snapshot', ['snapshot'], 1],
    'timestamp, not by new snapshot keys': ['timestamp', ['snapshot'], 1],
    'targets, not by new targets keys': ['targets', ['targets'], 1],
}, async ([role, rotated, code]) => {
    const { repository, client } = await refreshed((fresh) => {
        fresh.signed(role).version = 1000;
        fresh.published[role] = new Array(1000);
        fresh.publish(...UPDATE.slice(UPDATE.indexOf(role)));
        fresh.published[role].length = 1001;
    });
    assert.strictEqual(client.version(role), 1001);
    repository.rotate(...rotated);
    repository.signed(role).version = 1;
    const attack = repository.last(role);
    repository.published[role] = [];
    repository.release(role);
    repository.published.attack = [attack];
    repository.publish('root', ...UPDATE.filter((name) => name !== role));
    await client.refresh(code);
    assert.strictEqual(client.version(role), code ? 1001 : 1);
});

test('new keys for a role do not make its kept files count any longer', async () => {
    const { repository, client } = await refreshed((fresh) => fresh.publish(...UPDATE));
    repository.rotate(...UPDATE);
    repository.publish('root');
    await client.refresh(1);
    assert.strictEqual(client.version('root'), 2);
    repository.publish(...UPDATE);
    await client.refresh(0);
    assert.strictEqual(client.trusted(), 'root 2, snapshot 3, targets 3, timestamp 3');
});
