# SPDX-License-Identifier: Apache-2.0
"""What the vendor says of an improvement: that it comes to the device, and is shown there offline."""
import os
import shutil
import subprocess

from advisories import FIX, Publisher, fixes
from owner import *

SCORED = {**FIX, "exploited": True, "cvss": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H"}
SECOND = {**FIX, "cve": "CVE-2026-2", "component": "xml"}
THIS_BASE = f"pkg:generic/{PRODUCT}@{VERSION}?base={BASE_KEY}"
WITH_A = THIS_BASE.replace(f"@{VERSION}?", f"@{VERSION}-a?")


def kept(device, base=BASE_KEY):
    """{sequence: path} of the notes in the store."""
    folder = device.store("notes", base)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return {int(name.split("-")[0]): os.path.join(folder, name) for name in names}


def blob_of(vendor, at=0):
    digest = vendor.index()["improvements"][at]["notes"]["sha256"]
    return vendor.path("blobs", digest[:2], digest)


def full_check(device, expect=0):
    """As once a day: the repository is asked for all of it."""
    os.utime(device.store("metadata/timestamp.etag"), (1, 1))
    return device.json("check", expect=expect)


@test_in_mount_namespace
def notes_come_with_a_check_and_cost_an_idle_one_nothing():
    with World() as (vendor, server, device):
        device.suture("check")
        [path] = kept(device).values()
        check_equal(read(path), read(blob_of(vendor)))
        check(path.endswith(os.path.basename(blob_of(vendor))), path)
        server.asked.clear()
        check_equal(device.json("check")["requests"], 1)
        check_equal([asked.status for asked in server.asked], [304])
        full_check(device)
        check_equal(server.of("/notes/"), [])  # what is there is not asked for again
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.suture("check")
        check_equal((sorted(kept(device)), len(server.of("/notes/"))), ([1, 2], 1))


@test_in_mount_namespace
def notes_that_do_not_come_keep_nobody_from_an_improvement():
    cases = ((status(404), "the repository has no"),
             (with_data(lambda data: data[:-1] + b" "), "not the bytes that were signed"),
             (with_data(lambda data: data + b" "), "is larger than"),
             (cut_at(10, times=9), "cannot get"))
    with World() as (vendor, server, device):
        for rule, words in cases:
            server.rules[:] = [("/notes/", rule)]
            told = full_check(device) if os.path.exists(device.store("metadata")) else device.json("check")
            has(told["notes_problem"], f"the notes of {LABEL_A} did not come", words)
            check_equal((kept(device), told["offer"]["state"]), ({}, "available"))
        has(device.suture("check").stdout, f"the notes of {LABEL_A} did not come")  # asks nothing
        device.suture("install")
        check_equal(device.label(), LABEL_A)
        has(device.json("status")["checks"]["notes_problem"], "did not come")
        has(device.suture("status").stdout, "did not come")
        server.rules.clear()
        check("notes_problem" not in full_check(device, expect=2))
        check_equal(list(kept(device)), [1])


@test_in_mount_namespace
def a_missing_blob_keeps_no_other_from_coming():
    with World() as (vendor, server, device):
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        os.unlink(blob_of(vendor))
        has(device.json("check")["notes_problem"], LABEL_B)
        check_equal(list(kept(device)), [1])


@test_in_mount_namespace
def a_mirror_has_notes_too():
    with World() as (vendor, server, device), Server(vendor.repository) as mirror:
        server.rule("/notes/", status(404))
        device.configure(server.url, f"mirror = {mirror.url}")
        device.suture("check")
        check_equal((list(kept(device)), len(mirror.asked)), ([1], 1))


@test_in_mount_namespace
def notes_that_nobody_can_read_are_told_and_not_kept():
    with World() as (vendor, server, device):
        for text, words in ((b'[{"fixes":[', "expected"), (b'[{"fixes":[],"id":"\\u001b[2J"}]', "notes[0]"),
                            (b'[{"fixes":[],"surprise":1}]', "notes[0]")):
            digest = hashlib.sha256(text).hexdigest()
            write(vendor.path("blobs", digest[:2], digest), text)
            vendor.edit_index(lambda index: index["improvements"][0].update(
                notes={"sha256": digest, "size": len(text)}))
            has(device.json("check")["notes_problem"], f"the notes of {LABEL_A} did not come")
            check_equal(kept(device), {})


@test_in_mount_namespace
def damaged_notes_come_again():
    with World() as (vendor, server, device):
        device.suture("check")
        flip_byte(kept(device)[1])
        full_check(device)
        check_equal(read(kept(device)[1]), read(blob_of(vendor)))


# -- what is shown --

class Told(World):
    """A vendor who says more of (a): and of (b), once it is published."""

    def __init__(self):
        self.vendor, self.config = Publisher(), ""
        self.vendor.release(fixes(1, SCORED, schema=2))
        self.server = Server(self.vendor.repository)


def publish_b(vendor):
    vendor.release(fixes(2, SECOND, title="A second fix", urgency="critical"), {XMLLIB: NEW_XML}, component="xml")


def shown(device, *about, expect=0):
    return device.json("advisories", *about, expect=expect)["improvements"]


def states(device):
    return [(told["label"], told["state"]) for told in shown(device)]


def statements(device, *about):
    """{CVE: (status, the products' addresses, what to do)} of a document that may change with time only."""
    document = json.loads(device.suture("advisories", *about, "--format", "openvex").stdout)
    check_equal((document["@context"], document["version"]), ("https://openvex.dev/ns/v0.2.0", 1))
    check(re.fullmatch("urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", document["@id"]), document["@id"])
    return {told["vulnerability"]["name"]: (told["status"], [product["@id"] for product in told["products"]],
                                            told.get("action_statement")) for told in document["statements"]}


@test_in_mount_namespace
def nothing_known_is_told_with_what_helps():
    with World(improve=False) as (vendor, server, device):
        has(device.suture("advisories").stdout, "Nothing is known yet", "suture check")
        check_equal(shown(device), [])
        one_line_error(device.suture("advisories", "--format", "openvex", expect=2), "nothing to state", "suture check")
        device.suture("check", expect=2)
        has(device.suture("advisories").stdout, f"no improvement is offered for {PRODUCT} {VERSION}")
        one_line_error(device.suture("advisories", "b", expect=3), "about b", "suture advisories")
        one_line_error(device.suture("advisories", "--format", "html", expect=64), "html", "openvex")


@test_in_mount_namespace
def all_of_an_improvement_is_read_before_it_is_installed():
    with Told() as (vendor, server, device):
        device.suture("check")
        device.configure("http://127.0.0.1:9/")  # the network is gone
        has(device.suture("advisories").stdout, f"{LABEL_A}  offered, ", "high, known to be exploited",
            FIX["cve"], "suture advisories 1")
        text = device.suture("advisories", "a").stdout
        has(text, "EXAMPLE-2026-0001: A fix for navigation", f"\ntls\n    Available for: {PRODUCT} {VERSION}",
            f"Impact: {FIX['impact']}", f"Description: {FIX['description']}",
            f"{FIX['cve']}: {FIX['credit']}", f"References: {FIX['references'][0]}", "Severity: 8.8 HIGH",
            "used in attacks")
        for about in "(a)", LABEL_A, f"{VERSION}-a", "1", "example-2026-0001", FIX["cve"]:
            check_equal(device.suture("advisories", about).stdout, text, about)
        [told] = shown(device, "a")
        check_equal((told["state"], told["urgency"], told["ids"], told["cves"], told["exploited"], told["withdrawn"]),
                    ("offered", "high", ["EXAMPLE-2026-0001"], [FIX["cve"]], True, None))
        [fix] = told["advisories"][0]["fixes"]
        check_equal((fix["credit"], fix["references"], fix["cvss"]["score"]),
                    (FIX["credit"], FIX["references"], "8.8"))
        check_equal(device.suture("advisories", "--format", "json").stdout, device.suture("advisories", "--json").stdout)


@test_in_mount_namespace
def states_follow_the_machine():
    with Told() as (vendor, server, device):
        device.suture("check")
        check_equal(states(device), [(LABEL_A, "offered")])
        device.suture("install")
        publish_b(vendor)
        device.suture("check")
        check_equal(states(device), [(LABEL_B, "offered"), (LABEL_A, "applied")])
        [b, a] = shown(device, FIX["cve"])  # carried over, with its text where it came from
        check_equal((b["carried_over"], b["advisories"]), ([FIX["cve"]], []))
        check_equal(a["advisories"][0]["fixes"][0]["impact"], FIX["impact"])
        has(device.suture("advisories", "b").stdout, f"Carried over from older improvements: {FIX['cve']}")
        device.suture("install", "--dry-run")
        check_equal(states(device)[0], (LABEL_B, "staged"))
        vendor.withdraw(2, "revert", reason="it breaks printing")
        device.suture("check", expect=2)
        check_equal(states(device)[0], (LABEL_B, "withdrawn"))
        has(device.suture("advisories").stdout, "The vendor withdrew it: it breaks printing")
        check_equal(statements(device, "2").get("CVE-2026-2"), None)
        device.suture("remove")
        check_equal(states(device)[1], (LABEL_A, "offered"))


@test_in_mount_namespace
def what_is_listed_no_more_is_still_told():
    with Told() as (vendor, server, device):
        device.suture("check")
        publish_b(vendor)
        vendor.release(fixes(3, {**FIX, "cve": "CVE-2026-3"}), {LIB: NEWER_TLS})
        device.suture("install")
        check_equal(states(device), [(f"{VERSION} (c)", "applied"), (LABEL_B, "earlier"), (LABEL_A, "earlier")])
        check_equal({cve: status for cve, (status, _, _) in statements(device).items()},
                    {cve: "fixed" for cve in (FIX["cve"], "CVE-2026-2", "CVE-2026-3")})
        [told] = shown(device, "a")
        check_equal((told["urgency"], told["title"], told["advisories"][0]["fixes"][0]["credit"]),
                    ("high", "A fix for navigation", FIX["credit"]))
        os.unlink(kept(device)[3])
        has(device.suture("advisories", "c").stdout, "is not here yet", FIX["cve"])


# -- for scanners --

def install_packages(device):
    """A library of dpkg's, as it was before /lib became /usr/lib; what is removed owns nothing."""
    write(device.path("var/lib/dpkg/status"),
          "Package: libtls3\nStatus: install ok installed\nArchitecture: i386\nVersion: 1\n\n"
          "Package: libtls3\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:3.0+x-1\n"
          "Description: a\n Package: fake\n\n"
          "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n"
          "Package: tls-tools\nStatus: install ok installed\nArchitecture: all\nVersion: 7\n")
    for name, files in (("libtls3:amd64", "/.\n/lib/tls/libtls.so\n"), ("libtls3:i386", "/usr/lib/i386/libtls.so\n"),
                        ("gone", f"/{LIB}\n"), ("tls-tools", "/usr/lib/tls/libtls.so.1\n")):
        write(device.path("var/lib/dpkg/info", f"{name}.list"), files)
    write(device.path("etc/apt/apt.conf.d/80suture"), "")


LIBTLS = f"pkg:deb/{PRODUCT}/libtls3@1:3.0%2Bx-1?arch=amd64"


@test_in_mount_namespace
def scanners_are_told_of_this_machine():
    with Told() as (vendor, server, device):
        device.suture("check")
        check_equal(statements(device), {FIX["cve"]: ("affected", [THIS_BASE], f"Install {LABEL_A}: run 'suture install'.")})
        install_packages(device)
        check_equal(statements(device)[FIX["cve"]][1], [THIS_BASE, LIBTLS])
        device.suture("install")
        publish_b(vendor)
        device.suture("check")
        check_equal(statements(device), {
            FIX["cve"]: ("fixed", [WITH_A, LIBTLS], None),
            "CVE-2026-2": ("affected", [WITH_A], f"Install {LABEL_B}: run 'suture install'.")})
        check_equal(list(statements(device, "CVE-2026-2")), ["CVE-2026-2"])
        check_equal(list(statements(device, "EXAMPLE-2026-0001")), [FIX["cve"]])
        vendor.edit_index(lambda index: index["improvements"][0].update(
            rollout={"start": time_text(time.time() - 10), "hold": True}))
        device.suture("check", expect=2)
        has(statements(device)["CVE-2026-2"][2], f"Install {LABEL_B} when that can be", "holds the roll-out")


@test_in_mount_namespace
def what_is_not_really_mounted_fixes_nothing():
    with World(restart="reboot") as (vendor, server, device):
        device.suture("install")
        [(status, _, action)] = statements(device).values()
        check_equal((status, states(device)), ("affected", [(LABEL_A, "staged")]))
        has(action, "Restart the machine", LABEL_A)
        run("suture-activate", "--root", device.root, "apply")
        check_equal([status for status, _, _ in statements(device).values()], ["fixed"])
        subprocess.run(["mount", "-t", "tmpfs", "mine", device.path(TLS)], check=True)
        [(status, _, action)] = statements(device).values()
        check_equal(status, "affected")
        has(action, "Uncover", "suture status")
        subprocess.run(["umount", device.path(TLS)], check=True)


# -- on the way --

@test_in_mount_namespace
def bundles_and_mirrors_carry_notes():
    vendor = Publisher()
    vendor.release(fixes())
    shutil.copy(vendor.path("metadata/1.root.json"), "trusted.json")
    vendor.publish("bundle", "--base", "desktop", "carried.suture")
    os.chmod("carried.suture", 0o644)
    os.chmod(vendor.folder, 0o755)
    run("suture-publish", "mirror", "--trusted-root", "trusted.json", vendor.repository, "copy")
    for number, source in enumerate(("carried.suture", "copy")):
        device = Device("http://127.0.0.1:9/", name=f"device-{number}")
        check("notes_problem" not in device.json("check", "--from", source))
        has(device.suture("advisories", "a").stdout, FIX["impact"])


@test_in_mount_namespace
def notes_fall_away_with_their_base():
    with Told() as (vendor, server, device):
        device.suture("install")
        run("suture-activate", "--root", device.root, "detach")
        write(device.path("usr/lib/os-release"), OS_RELEASE.replace(VERSION, "26.4"))
        check_equal((states(device), list(kept(device))), ([], [1]))  # the system before may come back
        vendor.add_base("next", "26.4", None, "--includes", f"{VERSION}-a")
        write(device.path("run/suture.blessed"))
        device.suture("check", expect=2)
        check_equal((states(device), kept(device)), ([], {}))


main()
