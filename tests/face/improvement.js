// SPDX-License-Identifier: Apache-2.0
// An improvement in the states that it can be in, as the agent tells of them.
'use strict';

const NOW = Date.now() * 1000; // microseconds
const MINUTE = 60e6;

const FIXES = [
    { cve: 'CVE-2026-0101', component: 'openssl', exploited: true, credit: 'An anonymous researcher',
      impact: 'A server could be made to use all of the memory of a client that connects to it.',
      description: 'The length of a certificate chain was not bounded. It is now checked before memory is allocated.',
      references: ['https://www.example.com/advisories/2026-0101'] },
    { cve: 'CVE-2026-0102', component: 'openssh',
      impact: 'A guest on the same network could keep a machine from accepting logins.',
      description: 'Connections that never finished their greeting were counted for ever. They are now closed after two minutes.' },
];
const OLDER = { cve: 'CVE-2026-0077', component: 'libxml2',
                impact: 'A crafted document could crash the program that reads it.', description: 'The depth is bounded.' };
// As `suture advisories` tells of each
const improvement = (sequence, label, urgency, title, fixes) => ({
    sequence, label: `26.3.1 ${label}`, urgency, title, date: '2026-11-27T08:00:00Z', has_notes: true,
    cves: fixes.map(fix => fix.cve), exploited: fixes.some(fix => fix.exploited),
    advisories: [{ id: `EXAMPLE-2026-000${sequence}`, title, urgency, fixes }],
});
const IMPROVEMENTS = [
    improvement(2, '(b)', 'critical', 'Security fixes for the TLS library and remote login', FIXES),
    improvement(1, '(a)', 'medium', 'Security fixes for the XML library', [OLDER])];

const OFFER = { state: 'available', sequence: 2, label: '26.3.1 (b)', machine_label: '26.3.1-b', urgency: 'critical',
                summary: 'Security fixes for the TLS library and remote login', download_bytes: 8400000,
                cves: FIXES.map(fix => fix.cve), downloaded: false };
const HISTORY = [
    ['2026-11-20T10:22:09Z', 'settled', 'on trial for 600 seconds'], ['2026-11-20T10:12:09Z', 'activated', ''],
    ['2026-11-20T10:12:09Z', 'installed', '26.3.1 (a)'], ['2026-11-20T10:12:01Z', 'downloaded', '26.3.1 (a)'],
].map(([time, event, text]) => ({ time, event, text, generation: 1, sequence: 1 }));

const UNITS = [
    { unit: 'nginx.service', kind: 'service', action: 'restart', pids: [812, 813], advice: '' },
    { unit: 'ssh.service', kind: 'service', action: 'restart', pids: [640], advice: '' },
    { unit: 'session-3.scope', kind: 'session', action: 'session', pids: [990, 991],
      advice: 'it ends when alice logs out' },
    { unit: null, kind: 'none', action: 'process', pids: [4242], advice: 'restart it by hand' },
];

// What a dry run tells, or what an installation did with each unit.
function report(more, results = {}) {
    const units = UNITS.map(unit => unit.unit in results ? { ...unit, ...results[unit.unit] } : unit);

    return { schema: 1, label: '26.3.1 (b)', sequence: 2, grafted: true, scope: 'services', dry_run: false,
             impact: { exposed: 6, left: 3, restarts: { schema: 1, scope: 'services', manager: true, batches: 1,
                                                        gone: 0, units } }, ...more };
}

const INSTALLED = {
    set: { Sequence: 1, Label: '(a)', DisplayVersion: '26.3.1 (a)' },
    status: { sequence: 1, label: '26.3.1 (a)', fixes: [OLDER.cve],
              activation: { directory: [{ path: 'usr/lib/x86_64-linux-gnu', state: 'applied', graft: 'directory' }],
                            cover: [], held: [], mounted: 1,
                            image: [{ component: 'openssl', digest: 'ab', sealed: 'fs-verity' }] } },
    history: HISTORY, improvements: IMPROVEMENTS,
};
const AVAILABLE = {
    ...INSTALLED,
    set: { ...INSTALLED.set, State: 'available', AvailableSequence: 2, AvailableLabel: '(b)', AvailableState: 'available' },
    status: { ...INSTALLED.status, offer: OFFER },
};
const STAGED = {
    ...AVAILABLE,
    set: { ...AVAILABLE.set, State: 'restart-required', PendingSequence: 2, PendingLabel: '(b)', RestartNeeded: 'reboot' },
};
const TRIAL = {
    ...INSTALLED,
    set: { State: 'trial', Sequence: 2, Label: '(b)', DisplayVersion: '26.3.1 (b)' },
    status: { ...INSTALLED.status, sequence: 2, label: '26.3.1 (b)', fixes: [...OFFER.cves, OLDER.cve],
              trial: { generation: 2, label: '26.3.1 (b)', before: '26.3.1 (a)', state: 'running', units: 2,
                       until: new Date(Date.now() + 8 * 60000).toISOString().replace(/\..*/, 'Z'), seconds_left: 480 } },
    history: [{ time: '2026-11-29T08:00:00Z', event: 'activated', text: '', generation: 2, sequence: 2 }, ...HISTORY],
};
// As they come from the mock's `reset`: everything at once.
const reset = state => ({ reset: state.set, ...state, set: {} });

module.exports = { NOW, MINUTE, FIXES, OLDER, improvement, OFFER, HISTORY, INSTALLED, AVAILABLE, STAGED, TRIAL, report, reset };
