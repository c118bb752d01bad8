# SPDX-License-Identifier: Apache-2.0
"""What has to be true of a machine that boots. README.md tells how these are written."""
import hashlib
import random

import packages
from cuts import Life
from device import ACTIVATE, BUSYBOX, STORE
from harness import check, check_equal, say, scenario
from host import dpkg
from vendor import DEMO_FOLDER, DEMO_LIBRARY, build_id

RECORD = f"{STORE}/generations/1"
LIBRARY = f"/{DEMO_FOLDER}/{DEMO_LIBRARY}"
INITRD = "suture.placement=initrd"


def on_the_base(device, *reasons, library="base"):
    """The machine is up, shows the base, and says why."""
    check_equal(device.state(), "running", "the machine")
    check_equal(device.demo(), library, "demod's library")
    check_equal(device.activation()["mounted"], ["0"], "what is mounted")
    for reason in reasons:
        check(reason in device.reason(), f"{reason!r} is not in the reason {device.reason()!r}")


def on_a(device):
    check_equal(device.state(), "running", "the machine")
    check_equal(device.status()["label"], "26.3.1 (a)", "label")
    check_equal(device.demo(), "good", "demod's library")


def resign(record):
    """A generation record with a digest that fits its text again, as who can write /var can make it."""
    text = record[:record.rindex(b"digest ")]
    return text + b"digest " + hashlib.sha256(text).hexdigest().encode() + b"\n"


# --- the base

@scenario("base")
def boots_to_its_base(device):
    on_the_base(device)
    check_equal(device.failed_units(), [], "failed units")
    check_equal(device.mounts(), {}, "Suture's mounts")
    check_equal(device.reason(), "", "reason")
    check(device.run("touch /usr/lib/demo/x", expect=None).code != 0, "the base can be written")


# --- live

@scenario("base")
def an_installation_restarts_its_service_and_settles(device):
    check_equal(device.install("a")["grafted"], True, "grafted")
    check_equal(device.demo(), "good", "demod's library")
    check_equal(device.exposed(), 0, "exposed")
    check_equal(device.trial()["unit"], "demod.service", "who is watched")
    device.wait_for_verdict()
    on_a(device)
    check_equal(device.last_event(), "settled", "the last event")


@scenario("base")
def the_system_is_told_whoever_changes_something(device):
    label = "/usr/bin/setpriv --reuid=5 --clear-groups cat /run/suture/patch-release"
    device.install("a")
    # by the activator alone, as the guard of a trial does it
    device.run(f"{ACTIVATE} revert 'it broke'")
    device.wait_until("! test -e /run/motd.d/50-suture")
    check(device.run(label, expect=None).code != 0, "the label of what was taken off")
    told = device.run("journalctl -b -o cat -x SUTURE_EVENT=reverted").text
    check("26.3.1 (a) was reverted: it broke" in told, told)
    device.install("b")
    device.wait_for_verdict()
    check('PATCH_PRETTY_VERSION="26.3.1 (b)"' in device.run(label).output, "what everybody reads")
    device.reboot()
    device.wait_until(f"{label} | grep -q '26.3.1 (b)'")  # and nobody has asked for it
    check_equal(device.failed_units(), [], "failed units")


@scenario("improved")
def the_next_improvement_replaces_this_one(device):
    device.install("b")
    device.wait_for_verdict()
    check_equal(device.demo(), "better", "demod's library")
    check_equal(device.status()["label"], "26.3.1 (b)", "label")


@scenario("improved")
def removal_shows_the_base_again_and_restarts_its_service(device):
    check("Would restart: demod\n" in device.suture("remove --dry-run").output, "dry run")
    on_a(device)
    check("Restarted: demod\n" in device.suture("remove").output, "restarts")
    on_the_base(device)
    check("/usr/lib/demo" not in device.mounts(), "still grafted")


# --- the agent

AGENT = "org.suture.Manager1 /org/suture/Manager1 org.suture.Manager1"
AGENT_MEMORY_MAX = 8 << 10  # KiB of its own, idle
AS_SOMEBODY = "setpriv --reuid=games --regid=games --clear-groups"


def ends_soon_when_idle(device, seconds):
    """A minute of an emulated machine is long."""
    device.run("mkdir -p /run/systemd/system/sutured.service.d; printf '[Service]\nExecStart=\n"
               f"ExecStart=/usr/bin/sutured --idle-exit {seconds}\n' "
               "> /run/systemd/system/sutured.service.d/idle.conf; systemctl daemon-reload")


def asks_before_it_installs(device):
    device.run(f"mkdir -p {STORE}; printf '[install]\nautomatic = off\n' > {STORE}/owner.conf")


def ask_agent(device, method, arguments="", **options):
    return device.run(f"busctl --timeout=60 call {AGENT} {method} {arguments}", **options)


def wait_for_property(device, name, value):
    """What the agent says of the machine, from inside its sandbox."""
    device.wait_until(f"busctl get-property {AGENT} {name} | grep -qx '{value}'")


def wait_for_no_jobs(device):
    device.wait_until(f"busctl call {AGENT} ListJobs | grep -qx 'a(tsuo) 0'")


def agent_status(device):
    pid = device.run("systemctl show -P MainPID sutured").text
    lines = device.run(f"cat /proc/{pid}/status /proc/{pid}/smaps_rollup").output.splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def has_no_power(device):
    status = agent_status(device)
    for kind in "CapEff", "CapPrm", "CapBnd":
        check_equal(int(status[kind], 16), 0, kind)
    check_equal(status["NoNewPrivs"].strip(), "1", "NoNewPrivs")
    spaces = device.run(f"readlink /proc/1/ns/mnt /proc/{status['Pid'].strip()}/ns/mnt").output.split()
    check_equal(len(set(spaces)), 1, "mount namespaces: what is grafted later would not be seen")


def needs_little_memory(device):
    status = agent_status(device)
    size = sum(int(status[kind].split()[0]) for kind in ("Private_Clean", "Private_Dirty"))
    say(f"sutured has {size} KiB of its own when idle, of {status['VmRSS'].strip()}")
    check(size <= AGENT_MEMORY_MAX, f"{size} KiB of its own")


GRAFTED_FOR_PROCESS_1 = "cut -d' ' -f5 /proc/1/mountinfo | grep -qx /usr/lib/demo"


def is_mounted_for_process_1(device):
    return device.run(GRAFTED_FOR_PROCESS_1, expect=None).code == 0


@scenario("base")
def the_bus_installs_and_removes_what_the_agent_has_no_power_for(device):
    asks_before_it_installs(device)
    ends_soon_when_idle(device, 3600)
    device.offer("a")
    ask_agent(device, "Install", "tt 0 0")
    wait_for_property(device, "Sequence", "t 1")
    check(is_mounted_for_process_1(device), "not grafted")
    has_no_power(device)
    device.wait_until("demod ask | grep -q good")
    check(device.journal("Started suture-fetch@.*Download for Suture"), "no downloader of its own")
    device.wait_for_verdict()
    ask_agent(device, "SetAutomaticMode", "s download")
    wait_for_property(device, "AutomaticMode", 's "download"')
    check(device.suture("--json status").output.count('"download"') > 0, "not kept")
    ask_agent(device, "SetAutomaticMode", "s off")
    ask_agent(device, "Remove", "t 0")
    wait_for_property(device, "Sequence", "t 0")
    check(not is_mounted_for_process_1(device), "still grafted")
    device.wait_until("demod ask | grep -q base")
    wait_for_no_jobs(device)
    needs_little_memory(device)
    on_the_base(device)


@scenario("improved")
def the_agent_ends_when_idle_and_comes_back_by_itself(device):
    asks_before_it_installs(device)
    ends_soon_when_idle(device, 3)
    wait_for_property(device, "Sequence", "t 1")
    device.wait_until("! systemctl is-active -q sutured")
    check_equal(device.run("systemctl show -P Result sutured").text, "success", "its end")
    timer = dict(line.split("=", 1) for line in device.run(
        "systemctl show -p ActiveState,Unit,NextElapseUSecRealtime sutured.timer"
    ).output.splitlines())
    check_equal((timer["ActiveState"], timer["Unit"]), ("active", "sutured.service"), "its timer")
    check(timer["NextElapseUSecRealtime"], "it has no time")
    device.wait_until("systemctl is-active -q sutured")  # the interval is a minute
    on_a(device)


@scenario("base")
def a_download_over_http_goes_through_the_sandbox(device):
    device.run(f"{BUSYBOX} httpd -p 127.0.0.1:8080 -h /repo/a")
    settings = device.get("/usr/lib/suture/suture.conf").decode()
    device.put("/run/http.conf", settings.replace("file:///srv/repository", "http://127.0.0.1:8080/"))
    device.run("mount --bind /run/http.conf /usr/lib/suture/suture.conf")
    device.suture("install")
    check_equal(device.demo(), "good", "demod's library")
    check(device.journal("Started suture-fetch@.*Download for Suture"), "no downloader of its own")
    check_equal(device.failed_units(), [], "failed units")


@scenario("base")
def polkit_says_who_may_ask_the_agent(device):
    asks_before_it_installs(device)
    ends_soon_when_idle(device, 3600)
    device.offer("a")
    ask = f"{AS_SOMEBODY} busctl --timeout=60 call {AGENT}"
    check('"26.3.1"' in device.run(f"{AS_SOMEBODY} busctl get-property {AGENT} BaseVersion").output,
          "not everybody may look")
    for method in "Install tt 0 0", "Remove t 0", "Check t 0", "SetAutomaticMode s off":
        done = device.run(f"{ask} {method}", expect=1)
        check("uthoriz" in done.error or "enied" in done.error, done.error)
    check(device.journal("polkitd"), "nobody asked polkit")
    check_equal(device.status()["sequence"], 0, "what is installed")


@scenario("base")
def the_agent_installs_by_itself_and_the_keeper_mends(device):
    device.offer("a")
    device.run("systemctl start sutured suture-keeper")
    device.wait_until("suture status | grep -q 'Applied: 26.3.1 (a)'")
    device.wait_until("demod ask | grep -q good")
    check(device.trial() is not None, "nothing is on trial")
    device.run("systemctl stop sutured")  # the trial goes on
    device.wait_for_verdict()
    on_a(device)
    check_equal(device.last_event(), "settled", "the last event")
    check_equal(device.run("systemctl show -P Result sutured").text, "success", "sutured's end")
    device.run("umount -l /usr/lib/demo")
    device.wait_until(GRAFTED_FOR_PROCESS_1)
    on_a(device)


@scenario("base")
def who_is_logged_in_is_told_and_left_alone(device):
    device.run(f"setsid su -s /bin/sh -l games -c 'LD_PRELOAD={LIBRARY} exec sleep 1000' "
               "< /dev/null > /dev/null 2>&1 &")
    device.wait_until(f"grep -q {LIBRARY} /proc/$(pidof sleep)/maps")
    pid = int(device.run("pidof sleep").text)
    installed = device.install("a")
    units = {unit["kind"]: unit for unit in installed["impact"]["restarts"]["units"]}
    check_equal(units["service"]["unit"], "demod.service", "who was restarted")
    check_equal(units["session"]["pids"], [pid], "whose process stays")
    check_equal(units["session"]["advice"], "user 5 has to log out and in again", "what is told")
    check_equal(device.exposed(), 1, "exposed")
    device.run(f"loginctl terminate-session {units['session']['unit'][8:-6]}")
    device.wait_until(f"! test -e /proc/{pid}")
    check_equal(device.exposed(), 0, "exposed")


@scenario("base")
def a_kernel_module_waits_for_a_reboot(device):
    loaded = "/sys/module/dummy/notes/.note.gnu.build-id"
    device.run("modprobe dummy")
    old = device.get(loaded)
    check_equal(device.install("module")["grafted"], False, "grafted")
    named = device.exposure()["modules"]
    check_equal([module["cves"] for module in named], [["CVE-2026-0001"]], "what the kernel runs")
    check(named[0]["path"].endswith("/dummy.ko.xz"), named)
    device.reboot()
    device.run("modprobe dummy")
    check_equal(build_id(device.get(loaded)), build_id(old)[::-1], "the module's build-id")
    check_equal(device.exposure()["modules"], [], "what the kernel runs")
    check_equal(device.status()["label"], "26.3.1 (a)", "label")


# --- on trial while the machine runs

def is_reverted_to_a(device, *reasons):
    device.wait_for_verdict()
    on_a(device)
    for reason in reasons:
        check(reason in device.reason(), f"{reason!r} is not in {device.reason()!r}")
    refused = device.suture("install", expect=None)  # what failed here is not tried again
    check(refused.code in (5, 6), f"installed again: {refused.code} {refused.error}")
    on_a(device)


@scenario("improved")
def a_library_that_crashes_is_taken_back(device):
    device.install("b-crash")
    is_reverted_to_a(device, "demod.service")


@scenario("improved")
def a_library_without_a_symbol_is_taken_back(device):
    device.install("b-missing")
    is_reverted_to_a(device, "demod.service")


@scenario("improved")
def a_health_check_takes_an_improvement_back(device):
    device.run("mount --bind /usr/bin/false /usr/lib/suture/health.d/demod")
    device.install("b")
    device.wait_for_verdict()
    on_a(device)
    check("health check demod" in device.reason(), f"not named: {device.reason()!r}")


@scenario("base")
def a_service_that_its_owner_stops_is_no_failure(device):
    device.run("mount --bind /dev/null /usr/lib/suture/health.d/demod")  # it asks demod
    device.run("cd /usr/lib/suture && sed 's/^window = .*/window = 60/' suture.conf > /run/suture.conf "
               "&& mount --bind /run/suture.conf suture.conf")
    device.install("a")
    device.wait_until("! flock -n /run/suture.trial true")  # somebody watches
    device.run("sleep 3; systemctl stop demod; sleep 3; systemctl start demod; systemctl stop demod")
    check(device.trial() is not None, "nothing is on trial any more")
    device.wait_for_verdict()
    check_equal(device.last_event(), "settled", "the last event")
    check_equal(device.run("systemctl is-active demod", expect=None).text, "inactive", "demod")


@scenario("base")
def a_broken_libc_is_taken_off_by_the_guard(device):
    device.offer("libc")
    began = device.run("cut -d' ' -f1 /proc/uptime")
    device.suture("install", expect=None)
    device.run(f"until /usr/bin/true; do {BUSYBOX} sleep 0.1; done", shell=BUSYBOX)
    seconds = float(device.run("cut -d' ' -f1 /proc/uptime").text) - float(began.text)
    say(f"a broken libc, from the installation to the way back: {seconds:.1f} s")
    device.wait_for_verdict()
    on_the_base(device, "programs can no longer be started")
    check_equal(device.last_event(), "reverted", "the last event")


@scenario("base")
def a_broken_libc_can_be_taken_off_by_hand(device):
    device.offer("libc")
    device.suture("install", expect=None)
    device.run(f"{ACTIVATE} switch 0 || true", shell=BUSYBOX)
    device.run("true")
    on_the_base(device)


# --- on trial in a boot

@scenario("base")
def an_improvement_that_takes_a_restart_settles_in_the_next_boot(device):
    check_equal(device.install("boot-good")["grafted"], False, "grafted")
    check_equal(device.demo(), "base", "demod's library")
    device.reboot()
    check_equal(device.demo(), "good", "demod's library")
    check_equal(device.trial()["tries"], "0", "tries")
    device.wait_for_verdict()
    on_a(device)
    check_equal(device.last_event(), "settled", "the last event")


@scenario("base")
def a_crash_in_the_boot_is_taken_back_in_it(device):
    device.install("boot-crash")
    device.reboot()
    device.wait_for_verdict()
    on_the_base(device, "demod.service")


@scenario("base")
def a_power_cut_in_a_trial_ends_it(device):
    device.install("boot-good")
    device.reboot()
    check(device.trial() is not None, "nothing is on trial")
    device.cut_and_boot()
    on_the_base(device)
    check_equal(device.trial(), None, "trial")
    check_equal(device.last_event(), "reverted", "the last event")


@scenario("base")
def a_libc_that_breaks_the_boot_is_left_behind(device):
    device.install("boot-libc")
    device.restart("systemctl --no-block reboot")
    device.wait_until("test -e /run/suture.blessed", device.boot_seconds, restarts=1)
    device.wait_until_up()
    say(f"a boot with a broken libc: up {device.uptime:.0f} s after the last power-on")
    check_equal(device.demo(), "base", "demod's library")
    last = device.history()[-1]
    check_equal(last["event"], "reverted", "the last event")
    check("programs can no longer be started" in str(last), last)
    check("programs can no longer be started" in device.reason(), device.reason())


@scenario("base")
def the_trial_of_the_base_comes_first(device):
    device.install("boot-good")
    device.run("sync")
    device.cut_and_boot("device.unblessed")
    on_the_base(device, "the system itself is on trial")
    device.cut_and_boot("")
    check_equal(device.demo(), "good", "demod's library")
    device.wait_for_verdict()
    on_a(device)


# --- boots

@scenario("improved")
def a_reboot_keeps_the_graft(device):
    device.reboot()
    on_a(device)
    check_equal(device.failed_units(), [], "failed units")


@scenario("improved")
def a_power_cut_keeps_the_graft(device):
    device.cut_and_boot()
    on_a(device)


def no_unmount_fails(device):
    """In three soft-reboots and a poweroff, with (a) grafted."""
    for count in 1, 2, 3:
        device.soft_reboot()
        on_a(device)
        check_equal(device.run("systemctl show -P SoftRebootsCount").text, str(count), "soft-reboots")
    taken_off = device.journal(r"^detached generation=0 directories=1 ")
    check_equal(len(taken_off), 3, "times that the graft was taken off")
    check_equal(device.journal(r"[Ff]ailed (to )?u(n)?mount|Failed to deactivate"), [],
                "failures to unmount")
    device.run("echo 7 > /proc/sys/kernel/printk")  # what systemd-shutdown says, to the console
    device.poweroff()
    console = device.console()
    check("All filesystems, swaps, loop devices" in console, "systemd-shutdown left something")
    for words in "Failed unmounting", "Failed to unmount", "Could not unmount":
        check(words not in console, f"{words!r} is on the console")
    check(device.is_clean(), "/var was not unmounted")


@scenario("improved")
def no_unmount_fails_in_three_soft_reboots_and_a_poweroff(device):
    no_unmount_fails(device)


@scenario(None)
def no_unmount_fails_where_var_is_encrypted(device):
    device.encrypt()
    device.begin()
    check_equal(device.run("findmnt -no SOURCE /var").text, "/dev/mapper/var", "what /var is")
    check_equal(device.run("lsblk -no TYPE /dev/mapper/var | head -n 1").text, "crypt", "what that is")
    device.install("a")
    device.wait_for_verdict()
    no_unmount_fails(device)
    console = device.console()
    check("All DM devices detached" in console, "the volume was left open")
    check("Detaching DM /dev" not in console, "the volume's unit could not close it")


@scenario(None)
def the_power_is_cut_at_any_moment_of_a_life(device):
    seed = random.randrange(1 << 32)
    dice, life = random.Random(seed), Life(device)
    check(life.finds_what_is_lost(), "a disk that lost an installation was found to be good")
    cuts = life.choose(3, dice)
    for cut in cuts:
        life.check(cut, dice)
    say(f"{len(life.log.records)} records, seed {seed}: cut in " + ", ".join(
        f"{cut.step.phase} ({cut.mode})" for cut in cuts))


# --- stores that nobody can trust

@scenario("improved")
def a_corrupted_image_gives_the_base(device):
    device.flip_on_disk(device.run(f"ls {STORE}/images/*").text, 9000)
    device.boot()
    on_the_base(device, "digest")


@scenario("improved")
def fs_verity_keeps_the_image(device):
    check("sealed=fs-verity backing=file" in device.activation()["image"][0], "how it is sealed")
    image = device.run(f"ls {STORE}/images/*.erofs").text
    check(device.run(f"chmod u+w {image} && echo x >> {image}", expect=None).code != 0,
          "the image can be written")


@scenario("base")
def dm_verity_keeps_the_image_where_fs_verity_does_not(device):
    # a store whose file system keeps no hash trees
    device.run(f"mkdir -p {STORE} && mount -t tmpfs none {STORE}")
    device.run("modprobe -a loop dm-verity")
    device.install("a")
    device.wait_for_verdict()
    on_a(device)
    check("sealed=dm-verity backing=device" in device.activation()["image"][0], "how it is sealed")
    image = device.run(f"ls {STORE}/images/*.erofs").text
    # a byte that changes under the mounted image is never read; what is mapped would stay in memory
    device.run("systemctl stop demod")
    device.run(f"chmod u+w {image}; dd if=/dev/urandom of={image} bs=4096 seek=2 count=1 conv=notrunc; "
               "sync; echo 3 > /proc/sys/vm/drop_caches")
    check(device.run("cat /usr/lib/demo/libdemo.so.1 > /dev/null", expect=None).code != 0,
          "what nobody signed was read")
    # and nothing is grafted from it again
    device.activate("detach")
    check(device.activate("apply", expect=None).code != 0, "a damaged image was grafted")
    check("damaged" in device.reason(), device.reason())


@scenario("improved")
def a_missing_store_gives_the_base(device):
    device.run(f"rm -rf {STORE} && sync")
    device.cut_and_boot()
    on_the_base(device)
    device.install("a")  # and from there it goes on
    device.wait_for_verdict()
    on_a(device)


@scenario("improved")
def a_store_from_the_future_gives_the_base(device):
    record = device.get(RECORD)
    device.put(RECORD, resign(record.replace(b"suture-generation 1\n", b"suture-generation 2\n")))
    device.run("sync")
    device.cut_and_boot()
    on_the_base(device, "newer Suture")


@scenario("improved")
def a_forged_record_gives_the_base(device):
    record = device.get(RECORD)
    forged = resign(record.replace(b"\nsequence 1\n", b"\nsequence 2\n"))
    check(forged != record, "the record was not changed")
    device.put(RECORD, forged)
    device.run("sync")
    device.cut_and_boot()
    on_the_base(device, "seal")


@scenario("improved")
def a_damaged_record_gives_the_base(device):
    device.put(RECORD, device.get(RECORD)[:-100])
    device.run("sync")
    device.cut_and_boot()
    on_the_base(device, "digest")


# --- what the kernel's command line asks for

@scenario("improved")
def an_option_of_the_kernel_gives_the_base(device):
    device.cut_and_boot("suture.base=1")
    on_the_base(device, "suture.base=1")
    device.cut_and_boot("")
    on_a(device)


@scenario("improved")
def a_graft_in_the_initrd_leaves_nothing_old(device):
    device.cut_and_boot(INITRD)
    on_a(device)
    check_equal(device.activation()["placement"], ["initrd"], "placement")
    check_equal(device.exposed(), 0, "exposed")
    device.soft_reboot()
    on_a(device)


# --- another base, by an updater with two slots

def on_the_update(device, library, reason):
    """The other slot is booted, and shows nothing of what the store has."""
    check_equal(device.slot(), "B", "slot")
    on_the_base(device, reason, library=library)
    check("/usr/lib/demo" not in device.mounts(), "still grafted")
    check_equal(device.trial(), None, "trial")


@scenario("improved")
def an_update_that_contains_the_fix_lets_go_of_it(device):
    device.update("26.3.2")
    on_a(device)  # until the restart
    device.reboot()
    on_the_update(device, "fixed", "belongs to exampleos 26.3.1")
    check_equal(list(device.mounts()), ["/run/suture"], "Suture's mounts")  # which has the reason
    check_equal(device.boot_state("B"), "good", "slot B")
    check_equal(device.stored(), [1, 1], "images and generations")
    device.offer("updated")
    device.suture("check", expect=None)
    check_equal(device.stored(), [0, 0], "images and generations")
    check_equal([(one["event"], one["text"]) for one in device.history()][-1],
                ("subsumed", "26.3.1 (a) is contained in 26.3.2"))
    check_equal(device.status()["label"], "26.3.2", "label")


@scenario("improved")
def a_rollback_of_the_base_brings_its_improvement_back(device):
    device.update("26.3.2")
    device.run("sync")
    for left in "1", "0":
        device.cut_and_boot("systemd.mask=rauc-mark-good.service")
        on_the_update(device, "fixed", "belongs to exampleos 26.3.1")
        check("B=" + left in device.boot_sector(), device.boot_sector())
    device.offer("updated")
    device.suture("check", expect=None)  # the verdict on the base is open: nothing is let go
    check_equal(device.stored(), [1, 1], "images and generations")
    device.cut_and_boot("")
    check_equal(device.slot(), "A", "slot")
    on_a(device)


@scenario("improved")
def other_bytes_under_the_same_version_are_noticed(device):
    device.update("rebuilt")
    device.reboot()
    on_the_update(device, "other", "is not the file that the improvement was staged for")
    device.run("rauc status mark-bad booted")
    device.reboot()
    check_equal(device.slot(), "A", "slot")
    on_a(device)


# --- a host that has Suture from its package

PRESET = "/usr/lib/systemd/system-preset/90-suture.preset"
DONE_AT_ONCE = ["suture-facts.service", "suture-trial.service"]  # nothing is on trial any more


# What a purge leaves nothing of; a pattern that fits nothing is no file.
LEFT_BY_NONE = ("/var/lib/suture /var/cache/suture /run/suture* /etc/systemd/system/*/suture* "
                "/usr/libexec/suture /usr/bin/suture*")


def version_of_package(device):
    return device.run("dpkg-query -W -f '${Version} ${db:Status-Status}' suture").text


def show_units(device, name, units):
    """A property of each of these units."""
    return dict(zip(units, device.run(f"systemctl show --value -p {name} {' '.join(units)}").output.split()))


def runs_of(device, units):
    """What tells this run of a unit from the next."""
    return show_units(device, "InvocationID", units)


def mount_of_graft(device):
    """The mount's number; the kernel gives it to no other while the library is mapped by demod."""
    return device.run("grep ' /usr/lib/demo ' /proc/1/mountinfo").output.split()[0]


def is_well(device):
    on_a(device)
    check_equal(device.failed_units(), [], "failed units")
    check_equal(device.run("dpkg --audit").text, "", "what dpkg finds missing")


@scenario("packaged")
def a_package_enables_and_starts_its_units(device):
    check(version_of_package(device).endswith(" installed"), version_of_package(device))
    units = [line.split()[1] for line in device.get(PRESET).decode().splitlines() if line[0] == "e"]
    check_equal(show_units(device, "UnitFileState", units), dict.fromkeys(units, "enabled"), "enabled")
    check_equal(show_units(device, "ActiveState", units),
                {unit: "inactive" if unit in DONE_AT_ONCE else "active" for unit in units}, "started")
    check(device.journal("Started suture-fetch@.*Download for Suture"), "no downloader of its own")
    wait_for_property(device, "Sequence", "t 1")
    is_well(device)
    device.soft_reboot()  # while the agent runs
    is_well(device)


@scenario("packaged")
def an_upgrade_of_the_package_leaves_the_graft_alone(device):
    ends_soon_when_idle(device, 3600)
    wait_for_property(device, "Sequence", "t 1")
    restarted = ["sutured.service", "suture-keeper.service"]
    kept = ["suture-activate.service", "suture-blessed.service", "demod.service"]
    before, mount, history = runs_of(device, restarted + kept), mount_of_graft(device), device.history()
    dpkg(device, "-i", packages.higher(["suture"], device.path("higher"))[0])
    check_equal(version_of_package(device), f"{packages.HIGHER} installed", "the package")
    check_equal((mount_of_graft(device), device.history()), (mount, history), "the graft")
    after = runs_of(device, restarted + kept)
    check_equal([unit for unit in before if before[unit] != after[unit]], restarted, "what was restarted")
    check_equal(show_units(device, "ActiveState", restarted), dict.fromkeys(restarted, "active"), "active")
    is_well(device)


@scenario("packaged")
def a_purge_of_the_package_shows_the_base_and_leaves_nothing(device):
    wait_for_property(device, "Sequence", "t 1")  # the agent runs, and is asked for all the while
    device.run(f"while test -e /usr/bin/sutured; do busctl get-property {AGENT} Sequence; sleep 0.5; done "
               "> /dev/null 2>&1 < /dev/null &")
    dpkg(device, "-P")
    check_equal(device.demo(), "base", "demod's library")
    check_equal(device.state(), "running", "the machine")
    check_equal(device.failed_units(), [], "failed units")
    check_equal(device.mounts(), {}, "Suture's mounts")
    check_equal(device.run("systemctl list-units --plain --no-legend 'suture*'").text, "", "units")
    check_equal(device.run("cat /proc/[0-9]*/comm | grep ^suture", expect=1).text, "", "processes")
    check_equal(device.run(f"find {LEFT_BY_NONE} 2>/dev/null", expect=None).text, "", "files")
