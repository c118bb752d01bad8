// SPDX-License-Identifier: Apache-2.0
// What every client of The Update Framework has to do: cases in the spirit of the official
// conformance suite, against repositories made by independent TUF code.
'use strict';
const fs = require('fs');
const path = require('path');
const server = require('./server');
const { main } = require('./tap');

for (const name of fs.readdirSync(path.join(__dirname, 'cases')).sort())
    require(`./cases/${name}`);

server.listen().then(() => main()).finally(server.close);
