// SPDX-License-Identifier: Apache-2.0
// Tests that speak TAP (https://testanything.org): test('what is so', async () => { … }).
'use strict';

const tests = [];

function test(name, body) {
    tests.push({ name, body });
}

// One test for each entry of a table: name → row.
function each(title, table, body) {
    for (const [name, row] of Object.entries(table))
        test(`${title}: ${name}`, () => body(row, name));
}

// Runs them in order, or those whose names contain a word of the command line.
async function main() {
    const words = process.argv.slice(2);
    const chosen = tests.filter(({ name }) => !words.length || words.some((w) => name.includes(w)));
    console.log(`1..${chosen.length}`);
    let number = 0;
    for (const { name, body } of chosen) {
        let result = 'ok';
        try {
            await body();
        } catch (error) {
            result = 'not ok';
            process.exitCode = 1;
            console.log(String(error.stack).replace(/^/gm, '# '));
        }
        console.log(`${result} ${++number} - ${name.replaceAll('#', '\\#')}`);
    }
}

module.exports = { test, each, main };
