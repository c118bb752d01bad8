// SPDX-License-Identifier: Apache-2.0
// Every digest of a target that is known counts, and one has to be.
'use strict';
const assert = require('assert');
const { Client } = require('../client');
const { sha256, sha512 } = require('../keys');
const { Repository } = require('../repository');
const { each } = require('../tap');

each('the digests of a target', {
    'SHA-512 alone': [{ sha512: sha512('content') }, 0],
    'both right': [{ sha256: sha256('content'), sha512: sha512('content') }, 0],
    'the second wrong': [{ sha256: sha256('content'), sha512: sha512('Content') }, 1],
    'the first wrong': [{ sha256: sha256('Content'), sha512: sha512('content') }, 1],
    'one that is not known beside one that is': [{ blake9: 'ab', sha256: sha256('content') }, 0],
    'only one that is not known': [{ blake9: 'ab'.repeat(32) }, 1],
}, async ([hashes, code]) => {
    const repository = new Repository();
    repository.addArtifact('targets', 'file', 'content', hashes);
    repository.update('targets');
    const client = await Client.fresh(repository);
    await client.download(code, 'file');
    assert.deepStrictEqual(client.artifacts(), code ? [] : ['content']);
});
