// SPDX-License-Identifier: Apache-2.0
// Keys of a test's repository: made anew at every run, signing with node's own cryptography.
'use strict';
const crypto = require('crypto');
const { canonicalize } = require('@tufjs/canonical-json');

const pem = (key) => key.export({ format: 'pem', type: 'spki' });

// The key types of the specification: how a key is made, written and used.
const TYPES = {
    ed25519: {
        scheme: 'ed25519',
        make: () => crypto.generateKeyPairSync('ed25519'),
        publicText: (key) =>
            Buffer.from(key.export({ format: 'jwk' }).x, 'base64url').toString('hex'),
        sign: (key, data) => crypto.sign(null, data, key),
    },
    ecdsa: {
        scheme: 'ecdsa-sha2-nistp256',
        make: () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
        publicText: pem,
        sign: (key, data) => crypto.sign('sha256', data, key),
    },
    rsa: {
        scheme: 'rsassa-pss-sha256',
        make: () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
        publicText: pem,
        sign: (key, data) => crypto.sign('sha256', data, {
            key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING,
            saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST,
        }),
    },
};

const sha256 = (data) => crypto.createHash('sha256').update(data).digest('hex');
const sha512 = (data) => crypto.createHash('sha512').update(data).digest('hex');

const canonical = (value) => Buffer.from(canonicalize(value));

class Key {
    // `fields`: members of the key object beside the specified ones, or instead of them.
    constructor(type = 'ed25519', fields = {}) {
        this.type = TYPES[type];
        const pair = this.type.make();
        this.secret = pair.privateKey;
        this.object = {
            keytype: type, scheme: this.type.scheme,
            keyval: { public: this.type.publicText(pair.publicKey) }, ...fields,
        };
        this.id = sha256(canonical(this.object));
    }

    sign(signed) {
        const signature = this.type.sign(this.secret, canonical(signed));
        return { keyid: this.id, sig: signature.toString('hex') };
    }
}

module.exports = { Key, TYPES, sha256, sha512 };
