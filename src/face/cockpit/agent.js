// SPDX-License-Identifier: Apache-2.0
// The agent as the page sees it. All that is decided is decided there; here is only what it says,
// in one picture that changed() gets whenever something of it changes:
//
//     const agent = new Agent(picture => …);
//     agent.call("SetAutomaticMode", "off")              promise of the method's results
//     agent.run("install", "Install", 0, 0)              promise of how the job ended:
//                                                        { result, error, text, report }
//     agent.start("preview", "Preview", "remove")        promise of { job, end }
//     agent.cancel(job)
//
// picture: { phase: "loading" | "missing" | "ready", problem, properties, status, statusProblem,
//            history, improvements, fixes, jobs }
import { listOf } from "./view.js";

const cockpit = window.cockpit;
const NAME = "org.suture.Manager1";
const PATH = "/org/suture/Manager1";
const JOB = NAME + ".Job";
const PROPERTIES = "org.freedesktop.DBus.Properties";
const RETRY_MS = 3000;   // until the agent is looked for again
const GATHER_MS = 50;    // changes that come together are asked about once
const HISTORY_MAX = 200; // events: a page of years
const ENDED_MAX = 32;    // ends of jobs that are kept for who began them
// What `suture status` shows besides the properties may have changed with one of these.
const DETAIL_OF = ["State", "Sequence", "AvailableSequence", "AvailableState", "PendingSequence",
    "LastCheckUSec", "LastError", "AutomaticMode", "ManagedBy"];
// And its notes with one of these.
const NOTES_OF = ["Sequence", "AvailableSequence", "PendingSequence", "LastCheckUSec"];
const NOTES_MAX = 16; // improvements whose notes are asked for: an index lists no more

function parse(text) {
    try {
        return JSON.parse(text);
    } catch (error) {
        return null;
    }
}

// The members of the agent's dictionaries, as `suture history` writes them.
function eventOf(dictionary) {
    return Object.fromEntries(Object.entries(dictionary).map(([name, value]) => [name.toLowerCase(), value.v]));
}

function nothingKnown() {
    return { phase: "loading", problem: null, properties: {}, status: null, statusProblem: null, history: null,
             improvements: new Map(), fixes: new Map(), jobs: new Map() };
}

// Whether the bus starts the agent for who asks it something.
async function isStartedByBus() {
    const bus = cockpit.dbus("org.freedesktop.DBus", { bus: "system" });

    try {
        const [names] = await bus.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "ListActivatableNames", []);

        return names.includes(NAME);
    } catch (error) {
        return false;
    } finally {
        bus.close();
    }
}

export class Agent {
    constructor(changed) {
        this.changed = changed;
        this.ended = new Map();   // jobs that ended, by id
        this.waiting = new Map(); // who waits for one to end
        this.calls = 0;           // that are not answered yet
        this.turn = 0;
        this.picture = nothingKnown();
        this.open();
        document.addEventListener("visibilitychange", () => {
            if (this.isAsleep && document.visibilityState === "visible")
                this.reopen();
        });
    }

    open() {
        this.notes = null;
        this.isAsleep = false;
        this.ended.clear(); // another agent counts anew
        this.tell();

        const client = this.client = cockpit.dbus(NAME, { bus: "system", superuser: "try" });
        client.addEventListener("close", (_event, options) => this.lost(client, options.problem));
        client.addEventListener("owner", (_event, owner) => this.onOwner(client, owner));
        const manager = client.proxy(NAME, PATH);
        manager.addEventListener("signal", (_event, name, args) => this.onSignal(name, args));
        manager.addEventListener("changed", (_event, data) => this.onChanged(manager, data));
        manager.wait(() => manager.valid ? this.begin(client, manager) : this.lost(client, null));
    }

    // Asks for all of it anew, with the rights that the session has now. What is known is shown until then.
    reopen() {
        const client = this.client;

        window.clearTimeout(this.retry);
        this.client = null;
        client.close();
        this.picture = this.picture.phase === "ready" ? { ...this.picture, jobs: new Map() } : nothingKnown();
        this.open();
    }

    // An agent without work may end until somebody asks it something: what it said last goes on to be
    // true. When one comes back, who was asked first waits for the answer.
    async onOwner(client, owner) {
        if (client !== this.client)
            return;
        if (owner && (this.isAsleep || this.picture.phase === "missing")) {
            if (this.calls === 0)
                this.reopen();
            else
                this.isOvertaken = true;
        } else if (!owner) {
            const sleeps = this.picture.phase === "ready" && this.picture.jobs.size === 0 && await isStartedByBus();

            if (client === this.client && sleeps)
                this.isAsleep = true;
            else
                this.lost(client, null);
        }
    }

    lost(client, problem) {
        if (client !== this.client)
            return;
        this.picture = { ...this.picture, phase: "missing", problem, jobs: new Map() };
        this.endWaiting(() => true, { result: "failed", error: "org.freedesktop.DBus.Error.Disconnected", text: "", report: null });
        this.tell();
        window.clearTimeout(this.retry);
        this.retry = window.setTimeout(() => this.look(client), RETRY_MS);
    }

    endWaiting(isOver, end) {
        for (const [id, resolve] of [...this.waiting].filter(([id]) => isOver(id))) {
            this.waiting.delete(id);
            resolve(end);
        }
    }

    // Only who is there again is shown as loading.
    look(client) {
        const probe = cockpit.dbus(NAME, { bus: "system", superuser: "try" });
        const done = isThere => {
            probe.close();
            if (client !== this.client)
                return;
            if (isThere)
                this.reopen();
            else
                this.lost(client, this.picture.problem);
        };

        probe.call(PATH, "org.freedesktop.DBus.Peer", "Ping", []).then(() => done(true), () => done(false));
    }

    begin(client, manager) {
        this.picture.properties = { ...manager.data };
        this.takeJobs(client).catch(error => console.warn("ListJobs:", error.message));
        this.refresh().then(() => {
            if (client !== this.client)
                return;
            this.picture.phase = "ready";
            this.tell();
        });
    }

    async takeJobs(client) {
        const [jobs] = await client.call(PATH, NAME, "ListJobs", []);

        jobs.forEach(([id, type, , path]) => this.addJob(id, path, type));
        // What ended while nobody listened is seen by what it changed.
        this.endWaiting(id => !this.picture.jobs.has(id), { result: "unseen" });
    }

    onChanged(manager, data) {
        this.picture.properties = { ...manager.data };
        if (this.picture.phase !== "ready")
            return;
        if (Object.keys(data).some(name => DETAIL_OF.includes(name)))
            this.refreshSoon();
        this.tell();
    }

    refreshSoon() {
        window.clearTimeout(this.gathering);
        this.gathering = window.setTimeout(() => this.refresh().then(() => this.tell()), GATHER_MS);
    }

    // What it says besides its properties. One answer that fails takes no other with it.
    async refresh() {
        const client = this.client;
        const turn = ++this.turn;
        const ask = (method, ...args) => client.call(PATH, NAME, method, args);
        const [status, history] = await Promise.allSettled([
            ask("Describe"), ask("GetHistory", HISTORY_MAX), this.refreshNotes(ask, turn)]);

        if (client !== this.client || turn !== this.turn)
            return;
        if (status.status === "fulfilled")
            this.picture.status = parse(status.value[0]);
        this.picture.statusProblem = status.reason ? status.reason.message : null;
        if (history.status === "fulfilled")
            this.picture.history = history.value[0].map(eventOf);
    }

    // What the vendor wrote comes with a check, so it is asked for when there may be other notes. The
    // list has what each improvement fixes; the texts come with one at a time.
    async refreshNotes(ask, turn) {
        const key = JSON.stringify(NOTES_OF.map(name => this.picture.properties[name]));

        if (key === this.notes)
            return;
        const [text] = await ask("GetAdvisories", "", "json");
        const improvements = listOf((parse(text) || {}).improvements).slice(0, NOTES_MAX);
        const whole = await Promise.allSettled(improvements.filter(each => each.has_notes)
                .map(each => ask("GetAdvisories", String(each.sequence), "json")));
        const fixes = new Map();

        if (turn !== this.turn) // a newer one asks, too
            return;
        for (const answer of whole.filter(each => each.value))
            for (const improvement of listOf((parse(answer.value[0]) || {}).improvements))
                for (const advisory of listOf(improvement.advisories))
                    for (const fix of listOf(advisory.fixes))
                        fixes.set(fix.cve, fix);
        this.picture.improvements = new Map(improvements.map(each => [each.sequence, each]));
        this.picture.fixes = fixes;
        this.notes = key;
    }

    onSignal(name, args) {
        if (name === "JobNew")
            this.addJob(args[0], args[1], null);
        else if (name === "JobRemoved")
            this.endJob(...args);
    }

    addJob(id, path, type) {
        const known = this.picture.jobs.get(id);

        if (known)
            known.type = known.type || type;
        if (known || this.ended.has(id))
            return;
        const job = { id, path, type, phase: "", progress: 0, done: 0, total: 0, cancellable: true };

        this.picture.jobs.set(id, job);
        this.client.proxy(JOB, path).addEventListener("changed", () => this.lookAtJob(job));
        this.lookAtJob(job);
    }

    // All at once, as BytesDone alone does not tell when it changes.
    lookAtJob(job) {
        this.client.call(job.path, PROPERTIES, "GetAll", [JOB]).then(([values]) => {
            const data = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.v]));

            Object.assign(job, { type: data.Type, phase: data.Phase, progress: data.Progress, done: data.BytesDone,
                                 total: data.BytesTotal, cancellable: data.Cancellable });
            this.tell();
        }, () => {}); // the job has ended
    }

    endJob(id, _path, result, error, text, report) {
        const end = { result, error, text, report: parse(report) };

        this.picture.jobs.delete(id);
        this.ended.set(id, end);
        if (this.ended.size > ENDED_MAX)
            this.ended.delete(this.ended.keys().next().value);
        if (this.waiting.has(id))
            this.waiting.get(id)(end);
        this.waiting.delete(id);
        this.refreshSoon();
        this.tell();
    }

    // "i": a dialog of the desktop's may ask for a password.
    async ask(path, interfaceName, method, args) {
        this.calls++;
        try {
            return await this.client.call(path, interfaceName, method, args, { flags: "i" });
        } finally {
            this.calls--;
            if (this.isOvertaken && this.calls === 0) {
                this.isOvertaken = false;
                this.reopen();
            }
        }
    }

    call(method, ...args) {
        return this.ask(PATH, NAME, method, args);
    }

    // Begins a job: { job, end }, where `end` is the promise of how it ends.
    async start(type, method, ...args) {
        const [id, path] = await this.call(method, ...args);
        const job = { id, path };

        if (this.ended.has(id))
            return { job, end: Promise.resolve(this.ended.get(id)) };
        const end = new Promise(resolve => this.waiting.set(id, resolve));
        this.addJob(id, path, type);
        this.tell();
        return { job, end };
    }

    async run(type, method, ...args) {
        return (await this.start(type, method, ...args)).end;
    }

    cancel(job) {
        return this.ask(job.path, JOB, "Cancel", []);
    }

    tell() {
        this.changed(this.picture);
    }
}
