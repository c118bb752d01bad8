// SPDX-License-Identifier: Apache-2.0
// A repository that a test controls to the byte.
//
//     const repository = new Repository();              version 1 of the four top-level roles
//     repository.signed('targets').expires = dateIn(7);
//     repository.publish('targets', 'snapshot', 'timestamp');
//
// `published` has every version of each role as bytes, in order of publication: what clients get,
// and what tests harm. `requests` and `fetched` list what clients asked for.
'use strict';
const { Key, sha256 } = require('./keys');

const DAY = 24 * 3600 * 1000;
const ONLINE = ['snapshot', 'timestamp'];
const UPDATE = ['targets', ...ONLINE];

const dateIn = (days) => new Date(Date.now() + days * DAY).toISOString().replace(/\.\d+/, '');

const encode = (metadata) => Buffer.from(JSON.stringify(metadata, null, 1));

class Repository {
    constructor({ consistent = true, keyType = 'ed25519' } = {}) {
        this.keyType = keyType;
        this.roles = {};        // name → { signed, signers }
        this.published = {};    // name → [bytes]
        this.artifacts = {};    // path → bytes
        this.answers = {};      // file name of metadata → status code or bytes instead
        this.withDigests = false;
        this.requests = [];
        this.fetched = [];
        this.add('root', { consistent_snapshot: consistent, keys: {}, roles: {} });
        this.add('targets', { targets: {} });
        this.add('snapshot', { meta: {} });
        this.add('timestamp', { meta: {} });
        for (const role of ['root', ...UPDATE])
            this.setKeys(role, [this.newKey()]);
        this.publish(...UPDATE, 'root');
    }

    newKey(type = this.keyType, fields = {}) {
        return new Key(type, fields);
    }

    add(name, members, type = name) {
        const signed = {
            _type: type, spec_version: '1.0.34', version: 1, expires: dateIn(30), ...members,
        };
        this.roles[name] = { signed, signers: [] };
    }

    signed(name) {
        return this.roles[name].signed;
    }

    signers(name) {
        return this.roles[name].signers;
    }

    // The keys that root states for a top-level role, and those that sign it.
    setKeys(role, keys, threshold = 1, signers = keys) {
        const root = this.signed('root');
        for (const key of keys)
            root.keys[key.id] = key.object;
        root.roles[role] = { keyids: keys.map((key) => key.id), threshold };
        this.roles[role].signers = [...signers];
    }

    addKey(role, key = this.newKey()) {
        const root = this.signed('root');
        root.keys[key.id] = key.object;
        root.roles[role].keyids.push(key.id);
        this.signers(role).push(key);
        return key;
    }

    rotate(...roles) {
        for (const role of roles)
            this.setKeys(role, [this.newKey()]);
    }

    // Signs the next version of each role, in the order given; snapshot and timestamp learn of what
    // was published before them.
    publish(...names) {
        for (const name of names) {
            if (this.published[name])
                this.signed(name).version++;
            this.release(name);
        }
    }

    // Signs a role as it is, under the version that it has.
    release(name) {
        const { signed, signers } = this.roles[name];
        const data = encode({ signatures: signers.map((key) => key.sign(signed)), signed });
        (this.published[name] ||= []).push(data);
        this.list(name, data);
    }

    list(name, data) {
        if (name === 'root' || name === 'timestamp')
            return;
        const lister = this.signed(name === 'snapshot' ? 'timestamp' : 'snapshot');
        lister.meta[`${name}.json`] = { version: this.signed(name).version };
        if (this.withDigests)
            Object.assign(lister.meta[`${name}.json`],
                { length: data.length, hashes: { sha256: sha256(data) } });
    }

    // Publishes roles together with all that lists them.
    update(...names) {
        this.publish(...names, ...ONLINE);
    }

    last(name) {
        return this.published[name].at(-1);
    }

    // Changes the newest published bytes of a role, leaving its signatures as they are.
    harm(name, change) {
        const metadata = JSON.parse(this.last(name));
        change(metadata);
        this.published[name][this.published[name].length - 1] = encode(metadata);
    }

    addArtifact(role, path, data, hashes = { sha256: sha256(data) }) {
        this.artifacts[path] = Buffer.from(data);
        this.signed(role).targets[path] = { length: this.artifacts[path].length, hashes };
    }

    // A delegation, last in the list, with a key of its own; the role is made if it is new.
    delegate(delegator, name, { paths = ['*'], terminating = false, prefixes, key } = {}) {
        const own = key ?? this.newKey();
        const delegations = this.signed(delegator).delegations ??= { keys: {}, roles: [] };
        delegations.keys[own.id] = own.object;
        delegations.roles.push({
            name, keyids: [own.id], threshold: 1, terminating,
            ...(prefixes ? { path_hash_prefixes: prefixes } : { paths }),
        });
        if (!this.roles[name])
            this.add(name, { targets: {} }, 'targets');
        this.signers(name).push(own);
        return own;
    }

    // Succinct roles (TAP 15): 2^bits roles, all with one key. Returns their names.
    delegateSuccinctly(delegator, prefix, bits) {
        const key = this.newKey();
        const digits = Math.ceil(bits / 4);
        this.signed(delegator).delegations = {
            keys: { [key.id]: key.object },
            succinct_roles: {
                keyids: [key.id], threshold: 1, bit_length: bits, name_prefix: prefix,
            },
        };
        return Array.from({ length: 2 ** bits }, (_, number) => {
            const name = `${prefix}-${number.toString(16).padStart(digits, '0')}`;
            this.add(name, { targets: {} }, 'targets');
            this.roles[name].signers = [key];
            return name;
        });
    }

    // What a web server answers: bytes, or a status code.
    answer(path) {
        const slash = path.indexOf('/');
        const rest = path.slice(slash + 1);
        if (path.startsWith('metadata/')) {
            this.requests.push(rest);
            return this.answers[rest] ?? this.metadata(rest) ?? 404;
        }
        if (path.startsWith('targets/')) {
            this.fetched.push(rest);
            return this.artifact(rest) ?? 404;
        }
        return 404;
    }

    metadata(file) {
        const consistent = this.signed('root').consistent_snapshot;
        const numbered = /^(\d+)\.(.+)\.json$/.exec(file);
        if (numbered && (consistent || numbered[2] === 'root'))
            return this.published[decodeURIComponent(numbered[2])]?.[numbered[1] - 1];
        const plain = /^(.+)\.json$/.exec(file);
        if (plain && (plain[1] === 'timestamp' || !consistent))
            return this.published[decodeURIComponent(plain[1])]?.at(-1);
        return undefined;
    }

    artifact(path) {
        const decoded = decodeURIComponent(path);
        if (!this.signed('root').consistent_snapshot)
            return this.artifacts[decoded];
        const [, folder, file] = /^(.*\/)?[0-9a-f]+\.([^/]+)$/.exec(decoded) ?? [];
        return file && this.artifacts[(folder ?? '') + file];
    }
}

module.exports = { Repository, UPDATE, dateIn, encode };
