// SPDX-License-Identifier: Apache-2.0
// Repositories as @tufjs/repo-mock makes and hands them out. Its dates have milliseconds, which the
// specification does not allow (4.1): `mended` ones have not.
'use strict';
const assert = require('assert');
const { initializeTUFRepo, tufHandlers } = require('@tufjs/repo-mock');
const { Client } = require('../client');
const { Key } = require('../keys');
const { dateIn } = require('../repository');
const { test, each } = require('../tap');

const ARTIFACTS = [{ name: 'file', content: Buffer.from('content') }];

// What Client wants of a repository: answers to paths, and all that was ever published.
class Mock {
    constructor(repository) {
        this.requests = [];
        this.fetched = [];
        this.answers = {};
        this.handlers = new Map(
            tufHandlers(repository, {}).map(({ path, fn }) => [path.slice(1), fn]));
        const names = { root: '1.root', timestamp: 'timestamp', snapshot: 'snapshot',
            targets: 'targets' };
        this.published = Object.fromEntries(Object.entries(names).map(
            ([role, file]) => [role, [this.data(`metadata/${file}.json`)]]));
    }

    data(path) {
        const { statusCode, response } = this.handlers.get(path)?.() ?? { statusCode: 404 };
        return statusCode === 200 ? Buffer.from(response) : statusCode;
    }

    answer(path) {
        this.requests.push(path);
        return this.data(path);
    }
}

// The same repository with proper dates, signed with a key of the given type: repo-mock keeps its own.
function mended(type) {
    const key = new Key(type);
    const repository = initializeTUFRepo(ARTIFACTS);
    const bodies = {};
    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) {
        const signed = JSON.parse(JSON.stringify(repository[`${role}Meta`].toJSON())).signed;
        signed.expires = dateIn(30);
        if (role === 'root') {
            signed.keys = { [key.id]: key.object };
            for (const entry of Object.values(signed.roles))
                entry.keyids = [key.id];
        }
        for (const meta of Object.values(signed.meta ?? {})) {
            delete meta.length; // of what was signed before
            delete meta.hashes;
        }
        const signatures = [key.sign(signed)];
        bodies[`${role}Meta`] = { toJSON: () => ({ signatures, signed }) };
    }
    return { ...repository, ...bodies };
}

test('repo-mock\'s dates are refused', async () => {
    const mock = new Mock(initializeTUFRepo(ARTIFACTS));
    const client = new Client(mock);
    await client.run(['init', client.root]);
    await client.refresh(1);
    assert.deepStrictEqual(mock.requests, []);
});

each('repo-mock\'s repository is read', { ed25519: 1, ecdsa: 1, rsa: 1 }, async (_, type) => {
    const mock = new Mock(mended(type));
    const client = await Client.fresh(mock);
    await client.download(0, 'file');
    assert.deepStrictEqual(mock.requests, ['metadata/2.root.json', 'metadata/timestamp.json',
        'metadata/snapshot.json', 'metadata/targets.json', 'targets/file']);
    assert.deepStrictEqual(client.artifacts(), ['content']);
});

each('repo-mock\'s repository is refused when one role was changed', {
    timestamp: 1, snapshot: 1, targets: 1,
}, async (_, role) => {
    const repository = mended('ed25519');
    const { signatures, signed } = repository[`${role}Meta`].toJSON();
    repository[`${role}Meta`] = { toJSON: () => ({ signatures, signed: { ...signed, more: 1 } }) };
    const client = await Client.fresh(new Mock(repository));
    await client.refresh(1);
    assert(!client.files().includes(role));
});
