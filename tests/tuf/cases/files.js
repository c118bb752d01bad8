// SPDX-License-Identifier: Apache-2.0
// Artifacts: found, checked, kept, not fetched twice.
'use strict';
const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { Client } = require('../client');
const { sha256 } = require('../keys');
const { Repository } = require('../repository');
const { test, each } = require('../tap');

async function withArtifacts(artifacts) {
    const repository = new Repository();
    for (const [name, data] of Object.entries(artifacts))
        repository.addArtifact('targets', name, data);
    repository.update('targets');
    return { repository, client: await Client.fresh(repository) };
}

test('a refresh downloads no artifact, a download exactly the one', async () => {
    const { client } = await withArtifacts({ file: 'content', other: 'more' });
    await client.refresh(0);
    assert.deepStrictEqual(client.fetched(), []);
    await client.download(0, 'file');
    assert.deepStrictEqual(client.fetched(), [`${sha256('content')}.file`]);
    assert.deepStrictEqual(client.artifacts(), ['content']);
});

each('any target path gives one file below the target folder', {
    'in folders': 'path/to/a/file.txt',
    'with what addresses must escape': 'a b/100%?#&+.txt',
    'that is not ASCII': 'öffentlich/文件',
    'that climbs': '../../outside',
    'that is absolute': '/etc/outside',
    'with empty parts': 'a//b/./c',
    'that is long': `${'long/'.repeat(30)}${'x'.repeat(100)}`,
}, async (name) => {
    const { client } = await withArtifacts({ [name]: 'content' });
    await client.download(0, name);
    assert.deepStrictEqual(client.artifacts(), ['content']);
    assert.deepStrictEqual(fs.readdirSync(client.home).sort(),
        ['initial_root.json', 'metadata', 'targets']);
});

test('the folders of a target path stay folders in the address', async () => {
    const { client } = await withArtifacts({ 'path/to/file': 'content' });
    await client.download(0, 'path/to/file');
    assert.deepStrictEqual(client.fetched(), [`path/to/${sha256('content')}.file`]);
});

test('an artifact that is there and right is not fetched again', async () => {
    const { client } = await withArtifacts({ file: 'content' });
    await client.download(0, 'file');
    client.fetched();
    await client.download(0, 'file');
    assert.deepStrictEqual(client.fetched(), []);
});

test('an artifact that was changed on the machine is fetched again', async () => {
    const { client } = await withArtifacts({ file: 'content' });
    await client.download(0, 'file');
    const [name] = fs.readdirSync(client.targets);
    fs.writeFileSync(path.join(client.targets, name), 'Content');
    await client.download(0, 'file');
    assert.deepStrictEqual(client.artifacts(), ['content']);
});

each('an artifact that the repository substitutes is refused', {
    'same length': (data) => data.replace('c', 'C'),
    shorter: (data) => data.slice(1),
    longer: (data) => `${data}!`,
    'much longer': (data) => data.repeat(100_000),
    nothing: () => '',
}, async (change) => {
    const { repository, client } = await withArtifacts(
        { one: 'content of one', two: 'content of two' });
    await client.download(0, 'one');
    for (const name of ['one', 'two'])
        repository.artifacts[name] = Buffer.from(change(`content of ${name}`));
    await client.download(0, 'one'); // the one that it has
    await client.download(1, 'two');
    assert.deepStrictEqual(client.artifacts(), ['content of one']);
});

test('a target is followed through its changes, never into a forgery', async () => {
    const { repository, client } = await withArtifacts({ file: 'first' });
    await client.download(0, 'file');
    for (let i = 0; i < 9; i++) {
        repository.addArtifact('targets', 'file', `changed ${i}`);
        repository.addArtifact('targets', `new-${i}`, `new ${i}`);
        repository.update('targets');
        if (i % 4)
            continue; // a client that looks now and then
        await client.download(0, 'file');
        await client.download(0, `new-${i}`);
        repository.artifacts.file = Buffer.from(`forged! ${i}`);
        repository.update('targets');
        await client.download(0, 'file');
        assert(client.artifacts().includes(`changed ${i}`));
    }
    assert.deepStrictEqual(client.artifacts().sort(), ['changed 8', 'new 0', 'new 4', 'new 8']);
});

test('several targets come in order, up to the first that fails', async () => {
    const { repository, client } = await withArtifacts({ a: 'A', b: 'B', c: 'C', d: 'D' });
    await client.download(0, ['b', 'a']);
    assert.deepStrictEqual(client.asked().length, 4); // one refresh for both
    assert.deepStrictEqual(client.fetched().map((file) => file.split('.')[1]), ['b', 'a']);
    repository.artifacts.c = Buffer.from('X');
    await client.download(1, ['c', 'd']);
    assert.deepStrictEqual(client.artifacts(), ['B', 'A']);
});
