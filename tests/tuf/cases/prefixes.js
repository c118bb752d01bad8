// SPDX-License-Identifier: Apache-2.0
// Delegations by the digest of the target's path: hash prefixes, and succinct roles (TAP 15).
'use strict';
const assert = require('assert');
const { Client, visited } = require('../client');
const { sha256 } = require('../keys');
const { Repository } = require('../repository');
const { each } = require('../tap');

const prefix = (path, digits) => sha256(path).slice(0, digits);

each('path hash prefixes', {
    'one digit': [[prefix('file', 1)], 0],
    'six digits among others': [['0000000', prefix('file', 6)], 0],
    'all digits': [[prefix('file', 64)], 0],
    'of another path': [[prefix('other', 8)], 1],
    'none': [[], 1],
}, async ([prefixes, code]) => {
    const repository = new Repository();
    repository.delegate('targets', 'A', { prefixes });
    repository.addArtifact('A', 'file', 'content');
    repository.update('A', 'targets');
    const client = await Client.fresh(repository);
    await client.download(code, 'file');
    assert.strictEqual(visited(client), code ? '' : 'A');
});

each('succinct roles', {
    'one bit': 1, 'three bits': 3, 'four bits': 4, 'five bits': 5, 'eight bits': 8,
}, async (bits) => {
    const repository = new Repository();
    const names = repository.delegateSuccinctly('targets', 'bin', bits);
    const paths = ['file', 'dir/file', 'another'];
    const role = (path) => names[parseInt(sha256(path).slice(0, 8), 16) >>> (32 - bits)];
    for (const path of paths)
        repository.addArtifact(role(path), path, `content of ${path}`);
    const wrong = 'in the wrong bin';
    repository.addArtifact(names.find((name) => name !== role(wrong)), wrong, 'content');
    repository.update(...names, 'targets');
    const client = await Client.fresh(repository);
    await client.download(0, paths);
    assert.strictEqual(visited(client), [...new Set(paths.map(role))].join(' '));
    await client.download(1, wrong);
});
