#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Other people's validators judge what is published of a fix, in every state that it can be in, and
refuse what they should. They run without a network."""
import shutil

from advisories import *
from node import node_modules
from tap import *

VALIDATORS = node_modules("advisory")
SCHEMAS = os.environ.get("SUTURE_SCHEMAS", os.path.join(tap.SOURCE, "../shared/schemas"))
SCHEMA_2 = {"schema": 2}
SCORED = {**FIX, "cvss": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}


def needs(schemas=False):
    if not shutil.which("node"):
        skip("node is not installed")
    if not VALIDATORS:
        skip("the modules of tests/advisory are not installed: make deps")
    if schemas and not os.path.isdir(SCHEMAS):
        skip("SUTURE_SCHEMAS does not name a folder of schemas")


def judge(files):
    """[(kind, file)] → file → complaints."""
    command = [shutil.which("node"), os.path.join(tap.SOURCE, "tests/advisory/validate.js"),
               VALIDATORS, SCHEMAS]
    if os.geteuid() == 0:
        command = ["/usr/bin/unshare", "-n", *command]
    asked = json.dumps([{"kind": kind, "file": file} for kind, file in files])
    return {entry["file"]: entry["complaints"] for entry in json.loads(run(*command, input=asked).stdout)}


def kind_of(name):
    for end, kind in ((".openvex.json", "openvex"), (".osv.json", "osv"), (".html", "html"),
                      ("provider-metadata.json", "csaf-provider")):
        if name.endswith(end):
            return kind
    return "csaf" if "/white/" in name and name.endswith(".json") else None


def published(publisher, state):
    """Keeps what is published in this state; [(kind, file)]."""
    files = []
    for name, data in publisher.public_files().items():
        if kind := kind_of(name):
            write(f"{state}/{name}", data)
            files.append((kind, f"{state}/{name}"))
    check(files, f"{state}: nothing is published")
    return files


def states():
    """What can become of an advisory."""
    publisher = Publisher()
    publisher.advisories()
    yield published(publisher, "none-yet")
    for base in MORE_BASES:
        publisher.add_base(*base)
    bases = ["desktop", *(name for name, _, _ in MORE_BASES)]
    publisher.release(fixes(1, {**SCORED, "references": [f"https://example.org/r/commit/{'a' * 40}"]},
                            **SCHEMA_2), bases=bases)
    yield published(publisher, "four-bases")
    # another text, which does not tell the commit any more: its OSV record is withdrawn
    write("corrected.json", json.dumps(fixes(1, {**SCORED, "exploited": True}, **SCHEMA_2)))
    publisher.publish("advisories", "correct", "corrected.json")
    yield published(publisher, "corrected")
    publisher.withdraw(1, "stop", reason="it breaks printing")
    publisher.advisories()
    yield published(publisher, "withdrawn")
    publisher.release(fixes(2, SCORED, {**SCORED, "cve": "CVE-2026-2222", "exploited": True}, **SCHEMA_2),
                      {LIB: NEWER_TLS})
    yield published(publisher, "replaced")
    publisher.add_base("next", "26.4", None, "--includes", "26.3.1-b")
    yield published(publisher, "included")
    # in several components, with an id of the vendor's own, and with text that means harm
    publisher.introduce({**VENDOR, "name": HOSTILE, "products": []})
    several = fixes(3, SCORED, {**SCORED, "component": "xml"}, {**SCORED, "cve": "EXAMPLE-3"}, **SCHEMA_2,
                    title=HOSTILE)
    for fix in several["fixes"]:
        fix.update(impact=HOSTILE, description=HOSTILE, credit=HOSTILE,
                   references=[f"https://example.org/{HOSTILE}[1]%zz", "http://example.org/\u05d0"])
    publisher.draft(several, {LIB: NEWER_TLS}, ["phone"])
    publisher.draft(several, {XMLLIB: NEW_XML}, ["phone"], component="xml")
    publisher.publish("publish")
    publisher.advisories()
    yield published(publisher, "hostile")


@test
def csaf_and_html_are_valid_in_every_state():
    needs()
    files = [(kind, file) for state in states() for kind, file in state if kind in ("csaf", "html")]
    check(sum(kind == "csaf" for kind, _ in files) > 8, f"too few documents: {files}")
    for file, complaints in judge(files).items():
        check_equal(complaints, [], file)


@test
def the_other_formats_fit_their_schemas():
    needs(schemas=True)
    files = [(kind, file) for state in states() for kind, file in state if kind not in ("csaf", "html")]
    check({kind for kind, _ in files} == {"csaf-provider", "openvex", "osv"}, files)
    for file, complaints in judge(files).items():
        check_equal(complaints, [], file)


METAINFO = """<?xml version="1.0" encoding="UTF-8"?>
<component type="operating-system">
  <id>com.example.exampleos</id>
  <metadata_license>CC0-1.0</metadata_license>
  <name>Example OS</name>
  <summary>An operating system for examples</summary>
  <description><p>Example OS is kept safe in the background, without an update of all of it.</p></description>
  <url type="homepage">https://example.com/</url>
  <releases type="external" url="https://updates.example.com/advisories/exampleos.releases.xml"/>
</component>
"""


def appstream(data):
    """The release file beside the metainfo file of its component: does the validator like both?"""
    write("com.example.exampleos.metainfo.xml", METAINFO)
    write("com.example.exampleos.releases.xml", data)
    return run(shutil.which("appstreamcli"), "validate", "--no-net", "--pedantic", "com.example.exampleos.metainfo.xml",
               "com.example.exampleos.releases.xml", expect=None)


@test
def software_centres_accept_the_releases():
    if not shutil.which("appstreamcli"):
        skip("appstreamcli is not installed")
    publisher = Publisher()
    def judge_it(accept=True, change=lambda data: data):
        done = appstream(change(read(publisher.path("advisories/exampleos.releases.xml"))))
        check((done.returncode == 0) == accept, f"{done.stdout}{done.stderr}")
    publisher.advisories()
    judge_it()
    publisher.add_base("next", "26.10")
    publisher.release(fixes(1, {**FIX, "description": HOSTILE}, title=HOSTILE), bases=["desktop", "next"])
    publisher.release(fixes(2, FIX, {**FIX, "cve": "EXAMPLE-2"}, urgency="critical"), {LIB: NEWER_TLS})
    judge_it()
    judge_it(False, lambda data: data.replace(b'type="cve"', b'type="flaw"'))
    judge_it(False, lambda data: data.replace(b'version="26.10-a"', b'version="25-a"'))
    publisher.withdraw(2, "stop")
    publisher.advisories()
    judge_it()
@test_in_mount_namespace
def what_a_machine_says_of_itself_fits_its_schema():
    needs(schemas=True)
    publisher = Publisher()
    publisher.release(fixes(1, SCORED, **SCHEMA_2))
    with Server(publisher.repository) as server:
        device, files = Device(server.url), []
        write(device.path("var/lib/dpkg/status"),
              "Package: libtls3\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:3.0+x-1\n")
        write(device.path("var/lib/dpkg/info/libtls3:amd64.list"), f"/{LIB}\n")
        write(device.path("etc/apt/apt.conf.d/80suture"))
        for verb in ("check",), ("install",):
            device.suture(*verb)
            files.append(("openvex", f"{verb[0]}.json"))
            write(files[-1][1], device.suture("advisories", "--format", "openvex").stdout)
        publisher.release(fixes(2, {**SCORED, "cve": "CVE-2026-2222", "impact": HOSTILE}, **SCHEMA_2),
                          {LIB: NEWER_TLS})
        device.suture("check")
        files.append(("openvex", "both.json"))
        write("both.json", device.suture("advisories", "--format", "openvex").stdout)
    check_equal({status["status"] for status in json.loads(read("both.json"))["statements"]}, {"fixed", "affected"})
    bad = json.loads(read("both.json"))
    del bad["statements"][1]["action_statement"]
    write("bad.json", json.dumps(bad))
    judged = judge([*files, ("openvex", "bad.json")])
    check(judged.pop("bad.json"), "an affected machine without a remedy is accepted")
    for file, complaints in judged.items():
        check_equal(complaints, [], file)


def without(*path):
    def change(document):
        for member in path[:-1]:
            document = document[member]
        del document[path[-1]]
    return change


def with_value(value, *path):
    def change(document):
        for member in path[:-1]:
            document = document[member]
        document[path[-1]] = value
    return change


# kind → what is done to a good document, which must be refused then
BAD_TWINS = {
    "csaf": {
        "no-product-status": without("vulnerabilities", 0, "product_status"),
        "no-remediation": without("vulnerabilities", 0, "remediations"),
        "no-score": without("vulnerabilities", 0, "scores"),
        "wrong-score": with_value(9.9, "vulnerabilities", 0, "scores", 0, "cvss_v3", "baseScore"),
        "wrong-version": with_value("7", "document", "tracking", "version"),
        "label-for-people": with_value("pkg:26.3.1 (a)", "product_tree", "branches", 0, "branches", 0,
                                       "branches", 0, "branches", 0, "product",
                                       "product_identification_helper", "purl"),
        "no-publisher": without("document", "publisher"),
    },
    "csaf-provider": {"no-role": without("role"), "bad-url": with_value("x", "canonical_url")},
    "openvex": {"no-author": without("author"),
                "bad-status": with_value("mended", "statements", 0, "status")},
    "osv": {"no-id": without("id"), "bad-id": with_value("EXAMPLE-1", "id"),
            "short-commit": with_value("abc", "affected", 0, "ranges", 0, "events", 1, "fixed")},
}
BAD_HTML = {"open-element": ("</h1>", ""), "no-title": ("<title>", "<title></title><p>"),
            "no-language": (' lang="en"', ""), "doubled-id": ('id="revisions"', 'id="improvements"')}


@test
def bad_twins_are_refused():
    needs(schemas=True)
    publisher = Publisher()
    publisher.release(fixes(1, {**SCORED, "references": [f"https://example.org/r/commit/{'a' * 40}"]},
                            **SCHEMA_2))
    twins = []
    for kind, good in published(publisher, "good"):
        for name, change in BAD_TWINS.get(kind, {}).items():
            document = json.loads(read(good))
            change(document)
            write(f"bad/{kind}-{name}.json", json.dumps(document))
            twins.append((kind, f"bad/{kind}-{name}.json"))
    for name, (old, new) in BAD_HTML.items():
        html = publisher.page()
        check(old in html, name)
        write(f"bad/{name}.html", html.replace(old, new, 1))
        twins.append(("html", f"bad/{name}.html"))
    check_equal(len(twins), sum(map(len, BAD_TWINS.values())) + len(BAD_HTML))
    for file, complaints in judge(twins).items():
        check(complaints, f"{file} is accepted")


main()
