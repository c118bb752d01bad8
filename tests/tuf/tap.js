// SPDX-License-Identifier: Apache-2.0
// Tests that speak TAP (https://testanything.org): test('what is so', async () => { … }).
'use strict';
const os = require('os');

const tests = [];

function test(name, body) {
    tests.push({ name, body });
}

// One test for each entry of a table: name → row.
function each(title, table, body) {
    for (const [name, row] of Object.entries(table))
        test(`${title}: ${name}`, () => body(row, name));
}

// What there is to say about one test.
async function outcome({ name, body }, number) {
    let result = 'ok';
    let why = '';
    try {
        await body();
    } catch (error) {
        result = 'not ok';
        process.exitCode = 1;
        why = `${String(error.stack).replace(/^/gm, '# ')}\n`;
    }
    return `${why}${result} ${number} - ${name.replaceAll('#', '\\#')}`;
}

// Runs them all, or those whose names contain a word of the command line: as many at a time as
// there are processors, or as said, and tells them in order.
async function main(workers = os.cpus().length) {
    const words = process.argv.slice(2);
    const chosen = tests.filter(({ name }) => !words.length || words.some((w) => name.includes(w)));
    const outcomes = [];
    let next = 0;
    let told = 0;
    async function work() {
        while (next < chosen.length) {
            const mine = next++;
            outcomes[mine] = await outcome(chosen[mine], mine + 1);
            while (outcomes[told])
                console.log(outcomes[told++]);
        }
    }
    console.log(`1..${chosen.length}`);
    await Promise.all(Array.from({ length: workers }, work));
}

module.exports = { test, each, main };
