// SPDX-License-Identifier: Apache-2.0
// tuf-js, an independent client, behind the command line of suture-tuf:
//
//     node tuf-js-client.js --metadata-dir D init ROOT
//     node tuf-js-client.js --metadata-dir D --metadata-url U refresh
//     node tuf-js-client.js --metadata-dir D --metadata-url U --target-name P --target-dir T
//         --target-base-url TU download
'use strict';
const fs = require('fs');
const path = require('path');
const { parseArgs } = require('util');
const { Updater } = require('tuf-js');

const option = { type: 'string' };
const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        'metadata-dir': option, 'metadata-url': option, 'target-dir': option,
        'target-base-url': option, 'target-name': { type: 'string', multiple: true },
    },
});

// tuf-js wants addresses without their last slash.
const base = (url) => url?.replace(/\/$/, '');

async function main() {
    const [verb, file] = positionals;
    if (verb === 'init')
        return fs.copyFileSync(file, path.join(values['metadata-dir'], 'root.json'));
    const updater = new Updater({
        metadataDir: values['metadata-dir'], metadataBaseUrl: base(values['metadata-url']),
        targetDir: values['target-dir'], targetBaseUrl: base(values['target-base-url']),
        config: { fetchRetries: 0 },
    });
    await updater.refresh();
    for (const name of verb === 'download' ? values['target-name'] : []) {
        const target = await updater.getTargetInfo(name);
        if (!target)
            throw new Error(`no target ${name}`);
        if (!await updater.findCachedTarget(target))
            await updater.downloadTarget(target);
    }
}

main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
});
