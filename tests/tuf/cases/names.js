// SPDX-License-Identifier: Apache-2.0
// Role names that mean something in addresses, in file systems, or to the client itself.
'use strict';
const assert = require('assert');
const fs = require('fs');
const { Client } = require('../client');
const { Repository } = require('../repository');
const { each } = require('../tap');

const PATHS = ['metadata', 'targets', 'initial_root.json'];

async function withRole(name) {
    const repository = new Repository();
    repository.delegate('targets', name);
    repository.addArtifact(name, 'file', 'content');
    repository.update(name, 'targets');
    return { repository, client: await Client.fresh(repository) };
}

each('a role name goes into addresses escaped, and into a file name that is safe', {
    '?': '1.%3F.json',
    '#': '1.%23.json',
    '%': '1.%25.json',
    '%2F': '1.%252F.json',
    '/delegatedrole': '1.%2Fdelegatedrole.json',
    '../delegatedrole': '1...%2Fdelegatedrole.json',
    '../../../delegatedrole': '1...%2F..%2F..%2Fdelegatedrole.json',
    '.': '1...json',
    '..': '1....json',
    'with space': '1.with%20space.json',
    'Größe': '1.Gr%C3%B6%C3%9Fe.json',
    'plain-name_1.2~x': '1.plain-name_1.2~x.json',
}, async (file, name) => {
    const { client } = await withRole(name);
    await client.download(1, 'nonexistent');
    assert.strictEqual(client.asked().at(-1), file);
    assert.strictEqual(client.files().length, 5);
    assert.deepStrictEqual(fs.readdirSync(client.home).sort(), PATHS.sort());
    await client.download(0, 'file');
    assert.deepStrictEqual(client.asked(), ['2.root.json', 'timestamp.json']);
    if (/^[\w-]+$/.test(name))
        assert(client.files().includes(name));
});

each('two roles never share a file', {
    'an escaped name and its escape': ['a/b', 'a%2Fb'],
    'big and small letters': ['role', 'Role'],
}, async ([first, second]) => {
    const { repository, client } = await withRole(first);
    repository.delegate('targets', second);
    repository.update(second, 'targets');
    await client.download(1, 'nonexistent');
    assert.strictEqual(client.files().length, 6);
});

each('a delegated role cannot take the place of a top-level one', {
    root: 1, timestamp: 1, snapshot: 1, targets: 1,
}, async (_, name) => {
    const repository = new Repository();
    const { id, object } = repository.newKey();
    repository.signed('targets').delegations = {
        keys: { [id]: object },
        roles: [{ name, keyids: [id], threshold: 1, terminating: false, paths: ['*'] }],
    };
    repository.update('targets');
    const client = await Client.fresh(repository);
    const before = client.kept('root');
    await client.download(1, 'file');
    assert.strictEqual(client.kept('root'), before);
    const plain = ['root', 'snapshot', 'targets', 'timestamp'];
    assert.deepStrictEqual(client.files().filter((file) => !plain.includes(file)), []);
});
