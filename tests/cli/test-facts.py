# SPDX-License-Identifier: Apache-2.0
"""What the rest of the system sees of improvements: patch-release, login messages, the flags that ask
for a restart, metrics, and the journal. os-release stays as the base has it."""
import glob
import re
import shlex
import subprocess

from journal import Journal
from machine import *

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
RELEASE, MOTD, ISSUE = "run/suture/patch-release", "run/motd.d/50-suture", "run/issue.d/50-suture.issue"
REQUIRED, NAMES, NEEDED = "run/reboot-required", "run/reboot-required.pkgs", "run/reboot-needed"
METRICS = "var/lib/prometheus/node-exporter"


def text_of(device, path):
    """None where there is no such file."""
    try:
        return read(device.path(path)).decode()
    except FileNotFoundError:
        return None


def texts_of(device, *paths):
    return [text_of(device, path) for path in paths]


def as_nobody(*command):
    return subprocess.run([*NOBODY, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def variables(path, names, prefix=()):
    """As a shell has them after it has read the file."""
    script = f". {shlex.quote(path)}; printf '%s\\n' " + " ".join(f'"${name}"' for name in names)
    done = subprocess.run([*prefix, "/bin/sh", "-euc", script], stdout=subprocess.PIPE, text=True, check=True)
    return dict(zip(names, done.stdout.splitlines()))


def metrics_of(device):
    """{name: value} and the labels of suture_info, read as strictly as the format is written down."""
    text, values, labels, declared = text_of(device, f"{METRICS}/suture.prom"), {}, None, {}
    check(text.endswith("\n") and not text.endswith("\n\n"), text)
    for line in text[:-1].split("\n"):
        comment = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (\S.*)", line)
        if comment:
            declared.setdefault(comment.group(2), []).append(comment.group(1))
            check(comment.group(1) == "HELP" or comment.group(3) == "gauge", line)
            continue
        sample = re.fullmatch(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\d+)', line)
        check(sample, f"not the text format: {line!r}")
        check(sample.group(1) not in values, f"twice: {line}")
        check_equal(list(declared)[-1], sample.group(1), "what is declared before")
        values[sample.group(1)] = int(sample.group(3))
        if sample.group(2):
            labels = dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', sample.group(2)))
    check_equal(declared, {name: ["HELP", "TYPE"] for name in values}, "declarations")
    promtool = shutil.which("promtool")
    if promtool:
        run(promtool, "check", "metrics", input=text)
    return values, labels


@test_in_mount_namespace
def everybody_can_read_what_is_applied_and_reaches_nothing_else():
    with World(cves=["CVE-2026-1", "CVE-2026-2"]) as (vendor, server, device):
        name = 'Ex "ample" \\ $HOME `id`'
        quoted = re.sub(r'(["\\$`])', r"\\\1", name)
        write(device.path("usr/lib/os-release"), OS_RELEASE.replace("Example OS", quoted))
        device.suture("install")
        path = device.path(RELEASE)
        check_equal(variables(path, ["PATCH_ID", "PATCH_BASE", "PATCH_BASE_VERSION_ID", "PATCH_LABEL",
                                     "PATCH_SEQUENCE", "PATCH_VERSION_ID", "PATCH_PRETTY_VERSION",
                                     "PATCH_PRETTY_NAME", "PATCH_FIXES"], NOBODY),
                    {"PATCH_ID": PRODUCT, "PATCH_BASE": BASE_KEY, "PATCH_BASE_VERSION_ID": VERSION,
                     "PATCH_LABEL": "a", "PATCH_SEQUENCE": "1", "PATCH_VERSION_ID": f"{VERSION}-a",
                     "PATCH_PRETTY_VERSION": LABEL_A, "PATCH_PRETTY_NAME": f"{name} {LABEL_A}",
                     "PATCH_FIXES": "CVE-2026-1 CVE-2026-2"})
        check_equal(text_of(device, MOTD), f"{name} {LABEL_A}\n")
        check_equal(text_of(device, ISSUE), f"{name} {LABEL_A}\n".replace("\\", "\\\\"))
        place = device.path("run/suture")
        check_equal(os.statvfs(place).f_fsid == os.statvfs(device.root).f_fsid, False, "no tmpfs")
        others = [entry for entry in os.listdir(place) if entry != "patch-release"]
        check({"image", "base", "overlay", "since"} <= set(others), others)
        check(as_nobody("ls", place).returncode != 0, "nobody can list the folder")
        for entry in others:
            for verb in "ls", "cat", "cd":
                tried = as_nobody("/bin/sh", "-c", f"{verb} {shlex.quote(os.path.join(place, entry))}")
                check(tried.returncode != 0, f"nobody can {verb} {entry}")
        check(as_nobody("/bin/sh", "-c", f": >> {path}").returncode != 0, "nobody can write it")
        device.suture("remove")
        check_equal(texts_of(device, RELEASE, MOTD, ISSUE), [None] * 3, "what the base shows")


@test_in_mount_namespace
def what_has_not_changed_is_not_written_again():
    with World(config="") as (vendor, server, device):
        os.makedirs(device.path(METRICS))
        device.suture("install")
        paths = [device.path(path) for path in (RELEASE, MOTD, ISSUE, f"{METRICS}/suture.prom")]

        def stamps():
            return [(os.stat(path).st_ino, os.stat(path).st_mtime_ns, os.stat(path).st_ctime_ns) for path in paths]
        before = stamps()
        check_equal(device.suture("facts").stdout, f"Example OS {LABEL_A}\n")
        check_equal(stamps(), before, "files")
        # and nothing is left beside them
        check_equal(sorted(os.listdir(device.path(METRICS))), ["suture.prom"])
        facts = device.json("facts")
        check_equal((facts["label"], facts["sequence"], facts["restart_needed"], facts["message"]),
                    (LABEL_A, 1, "none", f"Example OS {LABEL_A}"))


@test_in_mount_namespace
def who_moves_mounts_takes_the_label_away():
    with World() as (vendor, server, device):
        device.suture("install")
        label = text_of(device, RELEASE)
        seen = device.suture("base-run", "cat", device.path(RELEASE), expect=None)
        check(seen.returncode != 0, f"a command that sees the base is told: {seen.stdout}")
        check_equal(text_of(device, RELEASE), label, "after a command that saw the base")
        run("suture-activate", "--root", device.root, "pause")
        check_equal(text_of(device, RELEASE), None, "while nothing is grafted")
        run("suture-activate", "--root", device.root, "resume")
        device.suture("facts")
        check_equal(text_of(device, RELEASE), label)
        # as a boot finds it, after which somebody tells again
        run("suture-activate", "--root", device.root, "detach")
        run("suture-activate", "--root", device.root, "apply")
        check_equal(text_of(device, RELEASE), None)
        device.suture("facts")
        check_equal(text_of(device, RELEASE), label)


@test_in_mount_namespace
def the_keeper_tells_at_a_boot_and_when_it_has_mended():
    with World() as (vendor, server, device):
        device.suture("install")
        label = text_of(device, RELEASE)
        run("suture-activate", "--root", device.root, "detach")
        run("suture-activate", "--root", device.root, "apply")
        os.unlink(device.path(MOTD))
        with subprocess.Popen([program("suture-keeper"), "--root", device.root]) as keeper:
            wait_for(lambda: texts_of(device, RELEASE, MOTD) == [label, f"Example OS {LABEL_A}\n"], "at the boot")
            run("/usr/bin/umount", device.path(TLS))
            wait_for(lambda: "repaired" in events(device) and text_of(device, RELEASE) == label, "what was mended")
            check_equal(device.lib(), NEW_TLS)
            keeper.terminate()


@test_in_mount_namespace
def the_keeper_tells_what_it_cannot_mend_and_what_others_have_mended():
    with World() as (vendor, server, device):
        device.suture("install")
        applied = texts_of(device, RELEASE, MOTD)
        with subprocess.Popen([program("suture-keeper"), "--root", device.root],
                              stderr=subprocess.DEVNULL) as keeper:
            run("/usr/bin/mount", "-t", "tmpfs", "mine", device.path(TLS))
            wait_for(lambda: texts_of(device, RELEASE, MOTD) == [None, None], "the cover")
            run("/usr/bin/umount", device.path(TLS))
            wait_for(lambda: texts_of(device, RELEASE, MOTD) == applied, "that it is gone")
            keeper.terminate()


@test_in_mount_namespace
def a_rehearsal_is_told_although_nothing_is_mounted():
    vendor = Vendor()
    vendor.publish("publish", "--rehearsal", "--channel", "rehearsal")
    with Server(vendor.repository) as server:
        device = Device(server.url, config="channel = rehearsal")
        device.suture("install")
        place = device.path("run/suture")
        check(not os.path.ismount(place), "something is mounted")
        check_equal(variables(device.path(RELEASE), ["PATCH_VERSION_ID"], NOBODY),
                    {"PATCH_VERSION_ID": f"{VERSION}-a"})
        check_equal(os.stat(place).st_mode & 0o777, 0o711, "mode of the folder")
        vendor.create("tls", {LIB: NEW_TLS})
        vendor.publish("publish", "--channel", "rehearsal")
        device.suture("install")
        check(os.path.ismount(place), "nothing is mounted")
        check_equal(variables(device.path(RELEASE), ["PATCH_LABEL"], NOBODY), {"PATCH_LABEL": "b"})
        run("suture-activate", "--root", device.root, "detach")
        check_equal(text_of(device, RELEASE), None, "what stood below the mount")


@test_in_mount_namespace
def what_waits_for_a_restart_is_told_and_taken_back():
    with World(restart="soft-reboot") as (vendor, server, device):
        device.suture("check")
        check_equal(text_of(device, MOTD), f"Example OS {VERSION}; {LABEL_A} is available\n")
        device.suture("install")
        check_equal(texts_of(device, REQUIRED, NAMES, NEEDED, RELEASE),
                    ["*** System restart required ***\n", "suture\n", "reboot\n", None])
        check_equal(text_of(device, MOTD),
                    f"Example OS {VERSION}; {LABEL_A} waits for a restart of the system\n")
        write(device.path("usr/lib/systemd/system/soft-reboot.target"), "")
        device.suture("facts")
        check_equal(text_of(device, NEEDED), "soft-reboot\n", "where systemd can")
        check_equal(text_of(device, NAMES), "suture\n", "no second line")
        device.suture("remove")
        check_equal(texts_of(device, REQUIRED, NAMES, NEEDED), [None] * 3)


@test_in_mount_namespace
def flags_of_others_stay():
    with World(restart="reboot") as (vendor, server, device):
        write(device.path(REQUIRED), "theirs\n")
        write(device.path(NAMES), "linux-image\nlibc6")  # a torn line, too
        write(device.path(NEEDED), "kexec\n")
        device.suture("install")
        check_equal(texts_of(device, REQUIRED, NAMES), ["theirs\n", "linux-image\nlibc6\nsuture\n"])
        check_equal(text_of(device, NEEDED), "reboot\n", "kexec is not enough")
        device.suture("remove")
        check_equal(texts_of(device, REQUIRED, NAMES), ["theirs\n", "linux-image\nlibc6\n"])
        check_equal(text_of(device, NEEDED), "reboot\n", "nobody knows what they would need alone")
        for path in REQUIRED, NAMES, NEEDED:
            os.unlink(device.path(path))
        device.suture("install")
        os.utime(device.path(REQUIRED))  # as touch does: theirs now, too
        with open(device.path(NAMES), "a") as file:
            file.write("libc6\n")
        device.suture("remove")
        check_equal(texts_of(device, REQUIRED, NAMES, NEEDED),
                    ["*** System restart required ***\n", "libc6\n", None])
        # a flag without a name: theirs
        os.unlink(device.path(NAMES))
        device.suture("install")
        device.suture("remove")
        check_equal(texts_of(device, REQUIRED, NAMES), ["*** System restart required ***\n", None])


@test_in_mount_namespace
def metrics_follow_the_machine():
    with World(cves=["CVE-2026-1", "CVE-2026-2"]) as (vendor, server, device):
        device.suture("check")
        check(not os.path.exists(device.path("var/lib/prometheus")), "nobody collects metrics here")
        os.makedirs(device.path(METRICS))
        device.suture("facts")
        values, labels = metrics_of(device)
        checked = values.pop("suture_last_check_timestamp_seconds")
        check(abs(checked - time.time()) < 100, checked)
        check_equal(labels, {"base": BASE_KEY, "label": VERSION, "state": "base"})
        check_equal(values, {"suture_info": 1, "suture_sequence": 0, "suture_available_sequence": 1,
                             "suture_restart_required": 0, "suture_check_failures": 0, "suture_trial": 0,
                             "suture_open_cves": 2})
        device.suture("install")
        values, labels = metrics_of(device)
        check_equal((labels["label"], labels["state"]), (LABEL_A, "applied"))
        check_equal([values[f"suture_{name}"] for name in ("sequence", "available_sequence", "open_cves")],
                    [1, 0, 0])
        vendor.improve({"tls": {LIB: NEWER_TLS}}, restart="reboot", cves=["CVE-2026-3"])
        device.suture("install")
        values, labels = metrics_of(device)
        check_equal((labels["label"], labels["state"]), (LABEL_A, "staged"))
        check_equal([values[f"suture_{name}"] for name in ("sequence", "restart_required", "open_cves")],
                    [1, 1, 1])
        device.configure("http://127.0.0.1:1/")
        for failures in 1, 2:
            device.suture("check", expect=1)
            check_equal(metrics_of(device)[0]["suture_check_failures"], failures)
        check_equal(metrics_of(device)[0]["suture_last_check_timestamp_seconds"] >= checked, True)


@test_in_mount_namespace
def metrics_go_nowhere_else():
    """The folder is of a user of its own."""
    with World() as (vendor, server, device):
        os.makedirs(device.path(os.path.dirname(METRICS)))
        os.makedirs(device.path("etc/other"))
        os.symlink("../../../etc/other", device.path(METRICS))
        one_line_error(device.suture("facts", expect=1), "suture.prom")
        check_equal(os.listdir(device.path("etc/other")), [])


@test_in_mount_namespace
def what_cannot_be_told_fails_no_verb():
    with World() as (vendor, server, device):
        write(device.path("run/motd.d"), "no folder")
        os.makedirs(device.path(METRICS))
        os.mkfifo(device.path(METRICS, "suture.prom"))  # which would make a reader wait
        done = device.suture("install")
        one_line_error(done, "what other programs see of this is not up to date", "run/motd.d/50-suture")
        check_equal(variables(device.path(RELEASE), ["PATCH_LABEL"]), {"PATCH_LABEL": "a"})
        check_equal(metrics_of(device)[1]["label"], LABEL_A, "what stands behind it")
        one_line_error(device.suture("facts", expect=1), "run/motd.d/50-suture")
        one_line_error(run("/usr/bin/setpriv", *NOBODY[1:], program("suture"), "--root", device.root, "facts",
                           expect=4), "only root")


@test_in_mount_namespace
def os_release_is_the_bases_after_every_verb():
    with World() as (vendor, server, device):
        path = device.path("usr/lib/os-release")
        before, written = read(path), os.stat(path).st_ctime_ns
        verbs = set(re.findall(r"^  ([a-z-]+)", run("suture", "--help").stdout.partition("Verbs:")[2]
                               .partition("Options:")[0], re.M))
        last = ["remove"]
        operands = {"enroll": ["0" * 64], "base-run": ["true"]}
        for verb in [*sorted(verbs - set(last)), *last]:
            device.suture(verb, *operands.get(verb, []), expect=None)
            check_equal(read(path), before, f"os-release after {verb}")
            check_equal(os.stat(path).st_ctime_ns, written, f"os-release after {verb}")
        check({"installed", "removed"} <= set(events(device)), events(device))
        check(not os.path.exists(device.path("etc/os-release")))


@test_in_mount_namespace
def the_journal_says_what_the_history_says():
    with World() as (vendor, server, device):
        journal = Journal(device)
        device.suture("install")
        device.suture("remove")
        vendor.improve({"tls": {LIB: NEWER_TLS}}, restart="reboot")
        device.suture("install")
        vendor.withdraw(2, "stop", 'it breaks "printing"')
        device.agent()
        messages, history = journal.messages(), device.json("history")["history"]
        check_equal([(message["SUTURE_EVENT"], message["SUTURE_SEQUENCE"], message["SUTURE_GENERATION"])
                     for message in messages],
                    [(entry["event"], str(entry["sequence"]), str(entry["generation"]))
                     for entry in history], "what was told")
        check({"activated", "installed", "removed", "staged", "withdrawn"} <= set(events(device)), events(device))
        told = {message["SUTURE_EVENT"]: message for message in messages}
        ids = [message["MESSAGE_ID"] for message in told.values()]
        check(len(set(ids)) == len(ids) and all(re.fullmatch("[0-9a-f]{32}", each) for each in ids), ids)
        installed = told["installed"]
        check_equal((installed["MESSAGE"], installed["PRIORITY"], installed["SUTURE_LABEL"],
                     installed["SUTURE_BASE"], installed["SYSLOG_IDENTIFIER"]),
                    (f"{LABEL_A} was installed", "5", LABEL_A, BASE_KEY, "suture"))
        check_equal((told["withdrawn"]["MESSAGE"], told["withdrawn"]["PRIORITY"]),
                    (f'{LABEL_B} was withdrawn by the vendor: it breaks "printing"', "4"))


@test_in_mount_namespace
def a_failed_check_is_told_once_for_each_cause():
    with World() as (vendor, server, device):
        journal = Journal(device)
        device.configure("http://127.0.0.1:1/")
        for _ in range(2):
            device.suture("check", expect=1)
        told = journal.messages()
        check_equal([message["SUTURE_EVENT"] for message in told], ["check-failed"])
        has(told[0]["MESSAGE"], f"{VERSION} could not be checked for improvements: ", "127.0.0.1")
        write(device.path("etc/suture/suture.conf"), "nonsense\n")
        for _ in range(2):
            device.suture("check", expect=None)
        told = journal.messages()
        check_equal([message["SUTURE_EVENT"] for message in told], ["policy-mistake"])
        has(told[0]["MESSAGE"], "suture.conf")
        check_equal(events(device), [], "the history is of what happened")


@test
def every_event_has_an_id_and_an_explanation():
    table = read(os.path.join(SOURCE, "src/device/store/event.c")).decode()
    known = dict(re.findall(r'\{"([a-z-]+)",\s*"([0-9a-f]{32})"', table))
    check(len(known) > 15 and len(set(known.values())) == len(known), known)
    calls = []
    for path in glob.glob(os.path.join(SOURCE, "src/device/**/*.c"), recursive=True):
        if not os.path.basename(path).startswith("test-"):
            calls += re.findall(r"\b(?:history_append|manager_record|event_tell|obtained_finish)\(([^;{]*);",
                                read(path).decode())
    written = {word for call in calls for word in re.findall(r'"([a-z]+(?:-[a-z]+)?)"', call)}
    check({"installed", "reverted", "check-failed"} <= written, written)
    check(not written - set(known), f"not in event.c and data/suture.catalog: {written - set(known)}")
    catalog = read(os.path.join(SOURCE, "data/suture.catalog")).decode()
    check_equal(sorted(re.findall(r"^-- ([0-9a-f]{32})$", catalog, re.M)), sorted(known.values()), "ids")
    check_equal(catalog.count("\nSubject: "), len(known))
    journalctl = shutil.which("journalctl")
    if not journalctl:
        return
    write("root/usr/lib/systemd/catalog/suture.catalog", catalog)
    os.makedirs("root/var/lib/systemd/catalog")
    done = run(journalctl, "--update-catalog", f"--root={os.path.abspath('root')}")
    check_equal(done.stderr, "", "what systemd says of the catalog")
    listed = run(journalctl, "--list-catalog", f"--root={os.path.abspath('root')}").stdout
    check_equal(sorted(line.split()[0] for line in listed.splitlines()), sorted(known.values()), "in the catalog")


@test
def the_units_are_what_systemd_takes():
    analyze = shutil.which("systemd-analyze") or skip("systemd-analyze is not installed")
    for folder in os.path.join(BUILD, "data/systemd"), os.path.join(SOURCE, "data/systemd"):
        for path in glob.glob(f"{folder}/suture*.[pst]*"):
            if not path.endswith(".in"):
                write(f"units/{os.path.basename(path)}",
                      re.sub(r"/usr/(local/)?(bin|libexec/suture)/", f"{BUILD}/", read(path).decode()))
    units = sorted(glob.glob(os.path.abspath("units/*")))
    check({"suture-facts.path", "suture-facts.service", "suture-status-updated.target"}
          <= {os.path.basename(unit) for unit in units}, units)
    write("units/backup.service", "[Unit]\nAfter=suture-facts.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
          "[Install]\nWantedBy=suture-status-updated.target\n")
    done = run(analyze, "verify", "--man=no", *units, os.path.abspath("units/backup.service"),
               env={"SYSTEMD_UNIT_PATH": os.path.abspath("units") + ":"})
    check_equal(done.stderr, "", "what systemd says of the units")


@test
def needrestart_leaves_alone_what_must_not_be_restarted():
    path = os.path.join(SOURCE, "data/needrestart/suture.conf")
    # as needrestart reads its conf.d, and then looks a service up
    script = """our %nrconf = (override_rc => {qr(^dbus) => 0});
        eval do { local(@ARGV, $/) = $ARGV[0]; <> }; die $@ if $@;
        for my $rc (@ARGV[1..$#ARGV]) { print "$rc\n" if grep { $rc =~ /$_/ } keys %{$nrconf{override_rc}}; }"""
    units = [os.path.basename(unit) for unit in glob.glob(os.path.join(BUILD, "data/systemd/*.service"))]
    found = run("/usr/bin/perl", "-we", script, path, *units, "nginx.service").stdout.split()
    check_equal(sorted(found), ["suture-activate.service", "suture-trial.service"], "never restarted")


main()
