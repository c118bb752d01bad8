// SPDX-License-Identifier: Apache-2.0
// The Cockpit page in a browser: what it shows of everything that the agent can say, and what it asks
// the agent for. test-cockpit.py starts it.
'use strict';
const fs = require('fs');
const path = require('path');
const { main } = require('../tuf/tap');
const stage = require('./stage');

// With a real agent only what needs no mock.
const cases = process.env.SUTURE_FACE_MOCK ? fs.readdirSync(path.join(__dirname, 'cases')).sort() : ['journey.js'];

for (const name of cases)
    require(`./cases/${name}`);

// One page, one agent: one test at a time.
stage.open().then(() => main(1)).finally(stage.close);
