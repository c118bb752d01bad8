// SPDX-License-Identifier: Apache-2.0
// The search for a target. A graph is a list of delegations in order: "A>B" for any path, "A>B!"
// terminating, "A>B:*.py,doc/*" for those paths.
'use strict';
const assert = require('assert');
const { Client, visited } = require('../client');
const { sha256 } = require('../keys');
const { Repository } = require('../repository');
const { test, each } = require('../tap');

function graph(text, artifacts = {}, options = {}) {
    const repository = new Repository(options);
    const names = new Set(['targets']);
    for (const edge of text.split(' ')) {
        const [, from, to, stop, paths] = /^(\w+)>(\w+)(!?)(?::(.*))?$/.exec(edge);
        repository.delegate(from, to,
            { terminating: stop === '!', paths: paths?.split(',') ?? ['*'] });
        names.add(to);
    }
    for (const [path, role] of Object.entries(artifacts))
        repository.addArtifact(role, path, `${path} of ${role}`);
    repository.update(...names);
    return repository;
}

each('roles are visited in order, depth first', {
    'one role': ['targets>A', 'A'],
    'two roles': ['targets>A targets>B', 'A B'],
    'two levels': ['targets>A targets>B B>C', 'A B C'],
    'two levels, depth first': ['targets>A targets>B A>C A>D', 'A C D B'],
    'three levels': ['targets>A targets>B A>C C>D', 'A C D B'],
    'four levels': ['targets>A A>B B>C C>D A>E targets>F', 'A B C D E F'],
    'a terminating role ends the search of its siblings and of theirs':
        ['targets>A targets>B A>C! A>D', 'A C'],
    'below a terminating role the search goes on': ['targets>A targets>B A>C! C>D', 'A C D'],
    'a terminating role at the top': ['targets>A! A>B targets>C', 'A B'],
    'a terminating role that does not match is none': ['targets>A!:*.py targets>B', 'B'],
    'roles that do not match are passed over': ['targets>A:*.py targets>B A>C', 'B'],
    'roles that do not match at the second level': ['targets>A targets>B A>C:*.py C>D', 'A B'],
    'a circle': ['targets>A targets>B B>C C>D D>B', 'A B C D'],
    'a role that delegates to itself': ['targets>A A>A targets>B', 'A B'],
    'two ways to one role': ['targets>A targets>B B>C A>C', 'A C B'],
    'two ways to one role, one of which does not match':
        ['targets>A targets>B B>C A>C:*.py', 'A B C'],
}, async ([text, order]) => {
    const client = await Client.fresh(graph(text));
    await client.download(1, 'missing');
    assert.strictEqual(visited(client), order);
});

const TREE = 'targets>A:*.doc,*.md targets>B:releases/*/* B>C:releases/x/* B>D:releases/y/*.zip';
const FILES = {
    file: 'targets', 'README.md': 'A', 'releases/x/x1': 'C', 'releases/y/y1.zip': 'D',
    'releases/z/z1.zip': 'D', 'deep/README.md': 'A', 'releases/x/deep/x2': 'C',
    'releases/y/y1.tar': 'D',
};

each('a target is found where every role on the way may have it', {
    'in the top-level role': ['file', true, ''],
    'by a pattern': ['README.md', true, 'A'],
    'through folders': ['releases/x/x1', true, 'B C'],
    'through folders with a pattern': ['releases/y/y1.zip', true, 'B D'],
    'listed by a role that was not given the path': ['releases/z/z1.zip', false, 'B'],
    'with a last part that does not match': ['releases/y/y1.tar', false, 'B'],
    'no star matches a slash': ['deep/README.md', false, ''],
    'no star matches a slash further down': ['releases/x/deep/x2', false, ''],
}, async ([path, found, order]) => {
    const repository = graph(TREE, FILES);
    const client = await Client.fresh(repository);
    await client.download(found ? 0 : 1, path);
    assert.deepStrictEqual(client.artifacts(), found ? [String(repository.artifacts[path])] : []);
    assert.strictEqual(visited(client), order);
});

test('the first role that lists a target decides', async () => {
    const repository = graph('targets>A targets>B A>C', { file: 'C' });
    repository.addArtifact('B', 'file', 'file of B, which comes too late');
    repository.artifacts.file = Buffer.from('file of C');
    repository.update('B');
    const client = await Client.fresh(repository);
    await client.download(0, 'file');
    assert.deepStrictEqual(client.artifacts(), ['file of C']);
    assert.strictEqual(visited(client), 'A C');
});

each('a role that fails ends the search', {
    'it is not signed': (repository) => repository.harm('A', (role) => { role.signatures = []; }),
    'it was changed': (repository) => repository.harm('A', ({ signed }) => { signed.more = 1; }),
    'it is missing': (repository) => { repository.answers['1.A.json'] = 404; },
    'it is no metadata': (repository) => { repository.published.A = [Buffer.from('{}')]; },
    'it is of another type': ({ published }) => { published.A = published.snapshot; },
    'the snapshot does not list it': (repository) => {
        delete repository.signed('snapshot').meta['A.json'];
        repository.publish('snapshot', 'timestamp');
    },
}, async (change) => {
    const repository = graph('targets>A targets>B', { file: 'B' });
    change(repository);
    const client = await Client.fresh(repository);
    await client.download(1, 'file');
    assert.deepStrictEqual(client.artifacts(), []);
    assert(!client.files().includes('A') && !client.files().includes('B'));
});

each('a delegated role has the length and the digest that the snapshot lists', {
    'a wrong digest': { hashes: { sha256: sha256('another') } },
    'too long': (length) => ({ length: length - 1 }),
}, async (change) => {
    const repository = new Repository();
    repository.withDigests = true;
    repository.delegate('targets', 'A');
    repository.addArtifact('A', 'file', 'content');
    repository.update('A', 'targets');
    const client = await Client.fresh(repository);
    await client.download(0, 'file');
    repository.publish('A');
    const meta = repository.signed('snapshot').meta['A.json'];
    Object.assign(meta, typeof change === 'function' ? change(meta.length) : change);
    repository.publish('snapshot', 'timestamp');
    await client.download(1, 'file');
    assert.strictEqual(client.version('A'), 1);
});

// C may list x/* for A, and y/* for B, each of whom knows C by another key.
each('a role that was trusted for one delegator is verified anew for another', {
    'signed with both keys': [(keys) => keys, 0],
    'signed with the first key only': [(keys) => keys.slice(0, 1), 1],
}, async ([choose, code]) => {
    const repository = graph('targets>A:x/* targets>B:y/* A>C:x/* B>C:y/*',
        { 'x/file': 'C', 'y/file': 'C' });
    repository.roles.C.signers = choose(repository.signers('C'));
    repository.update('C');
    const client = await Client.fresh(repository);
    await client.download(0, 'x/file');
    await client.download(code, 'y/file');
    await client.download(code, ['x/file', 'y/file']);
    assert.deepStrictEqual(client.artifacts().sort(),
        ['x/file of C', ...(code ? [] : ['y/file of C'])]);
});

test('without consistent snapshots delegated roles have no versions in their names', async () => {
    const repository = graph('targets>A A>B', { file: 'B' }, { consistent: false });
    const client = await Client.fresh(repository);
    await client.download(0, 'file');
    assert.deepStrictEqual(client.asked().slice(4), ['A.json', 'B.json']);
    repository.update('B');
    await client.download(0, 'file');
    assert.deepStrictEqual(client.asked().slice(2), ['snapshot.json', 'B.json']);
    assert.strictEqual(client.version('B'), 2);
});

test('a kept delegated role is not fetched again', async () => {
    const client = await Client.fresh(graph('targets>A A>B', { file: 'B' }));
    await client.download(0, 'file');
    client.asked();
    await client.download(0, 'file');
    assert.deepStrictEqual(client.asked(), ['2.root.json', 'timestamp.json']);
});

test('no more roles are visited than a client can bear', async () => {
    const chain = Array.from({ length: 60 }, (_, i) => `${i ? `r${i - 1}` : 'targets'}>r${i}`);
    const client = await Client.fresh(graph(chain.join(' '), { file: 'r59' }));
    await client.download(1, 'file');
    assert(visited(client).split(' ').length <= 33);
});
