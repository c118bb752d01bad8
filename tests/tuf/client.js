// SPDX-License-Identifier: Apache-2.0
// A client under test, as one machine has it: its metadata folder, its artifacts, its runs.
//
// The program is suture-tuf of the build, or what TUF_CLIENT says (words apart): the tests
// themselves are tested with TUF_CLIENT="node tests/tuf/tuf-js-client.js".
'use strict';
const assert = require('assert');
const childProcess = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { serve } = require('./server');

const SOURCE = path.resolve(__dirname, '../..');
const BUILD = process.env.SUTURE_BUILD ?? path.join(SOURCE, 'build');
const COMMAND = process.env.TUF_CLIENT?.split(' ') ?? [path.join(BUILD, 'suture-tuf')];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'suture-tuf-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

// Exit code and standard error of a program.
function execute(command, environment) {
    return new Promise((resolve, reject) => {
        const child = childProcess.spawn(command[0], command.slice(1), {
            stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...environment },
        });
        let errors = '';
        child.stderr.on('data', (data) => { errors += data; });
        child.on('error', reject);
        child.on('close', (code, signal) => resolve({ code: code ?? signal, errors }));
    });
}

class Client {
    constructor(repository, root = repository.published.root[0]) {
        this.repository = repository;
        this.url = serve(repository);
        this.home = fs.mkdtempSync(path.join(folder, 'client-'));
        this.metadata = path.join(this.home, 'metadata');
        this.targets = path.join(this.home, 'targets');
        for (const name of [this.metadata, this.targets])
            fs.mkdirSync(name);
        this.root = path.join(this.home, 'initial_root.json');
        fs.writeFileSync(this.root, root);
    }

    // A client that has been told its first root.
    static async fresh(repository, root) {
        const client = new Client(repository, root);
        await client.expect(0, 'init', client.root);
        return client;
    }

    // `days`: how far ahead the clock of the client is.
    async run(args, days = 0) {
        const clock = days ? ['faketime', '-f', `+${days}d`] : [];
        const { code, errors } = await execute(
            [...clock, ...COMMAND, '--metadata-dir', this.metadata, ...args],
            days ? { ASAN_OPTIONS: 'verify_asan_link_order=0' } : {});
        this.errors = errors;
        this.checkKept();
        return code;
    }

    async expect(code, ...args) {
        const days = typeof args.at(-1) === 'number' ? args.pop() : 0;
        const got = await this.run(args, days);
        assert.strictEqual(got, code, `exit code of ${args.join(' ')}: ${this.errors}`);
    }

    refresh(code, days = 0) {
        return this.expect(code, '--metadata-url', `${this.url}metadata/`, 'refresh', days);
    }

    download(code, names, days = 0) {
        const wanted = [names].flat().flatMap((name) => ['--target-name', name]);
        return this.expect(code, '--metadata-url', `${this.url}metadata/`, ...wanted,
            '--target-dir', this.targets, '--target-base-url', `${this.url}targets/`, 'download', days);
    }

    // Whatever happens, a kept file is metadata exactly as it was served.
    checkKept() {
        const served = new Set(Object.values(this.repository.published).flat().map(String));
        served.add(fs.readFileSync(this.root, 'utf8'));
        for (const data of Object.values(this.repository.answers))
            served.add(String(data));
        for (const name of this.files())
            assert(served.has(this.kept(name)), `${name} is not as it was served`);
    }

    files() {
        return fs.readdirSync(this.metadata).filter((name) => name.endsWith('.json'))
            .map((name) => name.slice(0, -5)).sort();
    }

    kept(role) {
        return fs.readFileSync(path.join(this.metadata, `${role}.json`), 'utf8');
    }

    version(role) {
        return this.files().includes(role) ? JSON.parse(this.kept(role)).signed.version : null;
    }

    // "root 1, snapshot 1": what is trusted, by file name.
    trusted() {
        return this.files().map((role) => `${role} ${this.version(role)}`).join(', ');
    }

    // The contents of all artifacts, oldest first, whatever their names are.
    artifacts() {
        const files = fs.readdirSync(this.targets, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
        const time = (file) => fs.statSync(file).mtimeMs;
        return files.sort((a, b) => time(a) - time(b)).map((file) => fs.readFileSync(file, 'utf8'));
    }

    // What was asked since the last time.
    asked() {
        return this.repository.requests.splice(0);
    }

    fetched() {
        return this.repository.fetched.splice(0);
    }
}

// The delegated roles that a fresh client asked for, in order.
const visited = (client) => client.asked().slice(4).map((file) => file.split('.')[1]).join(' ');

module.exports = { Client, visited };
