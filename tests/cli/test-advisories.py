#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Advisories: what is told of a fix, when, and what becomes of it."""
from advisories import *
from tap import *


def titles(products):
    return sorted(branch["product"]["name"] for branch in leaves(products))


def leaves(branches):
    for branch in branches:
        if "product" in branch:
            yield branch
        yield from leaves(branch.get("branches", []))


def status(document, number=0):
    return document["vulnerabilities"][number]["product_status"]


def key(version=VERSION, variant=None):
    return "_".join(part for part in (version, variant, MACHINE) if part)


# -- one fix --

@test
def one_fix_for_four_bases_is_one_advisory():
    publisher = Publisher()
    story(publisher)
    told = words(publisher.page())
    bases = [f"Example OS {base} ({MACHINE})" for base in
             ("26.3.1 phone", "26.3.1 tablet", "26.3.1", "26.3.2 desktop")]
    mail = read(publisher.path("advisories/example-2026-0001.txt")).decode()
    check_equal(re.findall("Available for: (.*)", mail), bases)
    for line in (f"Available for: {' '.join(bases)} Impact", f"Impact: {FIX['impact']}", f"Description: {FIX['description']}",
                 f"{CVE} : Thomas Espach", "References: https://bugs.example.org/306050",
                 "Background Security Improvement 26.3.1 (a), 26.3.2 (a)", "urgency: high"):
        check(line in told, f"{line!r} is not in {told!r}")
    check('<a href="example-2026-0001.html">' in read(publisher.path("advisories/index.html")).decode(),
          "the index does not have it")


@test
def programs_read_machine_labels_only():
    publisher = Publisher()
    story(publisher)
    document = publisher.csaf()
    tree = document["product_tree"]["branches"]
    check_equal([branch["name"] for branch in leaves(tree)],
                ["26.3.1", "26.3.1-a", "26.3.1", "26.3.1-a", "26.3.1", "26.3.1-a", "26.3.2", "26.3.2-a"])
    check_equal(titles(tree)[0], f"Example OS 26.3.1 ({MACHINE})")
    bases = {f"exampleos:{key(version, variant)}": version for version, variant in
             ((VERSION, None), (VERSION, "phone"), (VERSION, "tablet"), ("26.3.2", "desktop"))}
    check_equal(set(status(document)["known_affected"]), set(bases))
    check_equal(set(status(document)["fixed"]), {f"{id}:{version}-a" for id, version in bases.items()})
    [fixed] = [b for b in leaves(tree) if b["product"]["product_id"] == f"exampleos:{key()}:26.3.1-a"]
    hashes = {entry["file_hashes"][0]["value"] for entry in
              fixed["product"]["product_identification_helper"]["hashes"]}
    image = publisher.index()["improvements"][0]["images"][0]
    check_equal(hashes, {image["sha256"], *(payload["sha256"] for payload in image["payloads"])})
    for remediation in document["vulnerabilities"][0]["remediations"]:
        check_equal(remediation["restart_required"], {"category": "service"})
    for name, data in publisher.public_files().items():
        check(not name.endswith(".json") or name.endswith("feed.json") or b"(a)" not in data, name)


@test
def the_feed_has_every_improvement():
    publisher = Publisher()
    publisher.release(fixes(1))
    publisher.release(fixes(2, {**FIX, "cve": "CVE-2026-2"}), {LIB: NEWER_TLS})
    publisher.release(fixes(3, {**FIX, "cve": "CVE-2026-3", "component": "xml"}), {XMLLIB: NEW_XML},
                      component="xml")
    check_equal(len(publisher.index()["improvements"]), 2)
    [base] = publisher.feed()["bases"]
    check_equal((base["product"], base["base"], base["version"]), (PRODUCT, key(), VERSION))
    told = base["improvements"]
    check_equal([entry["machine_label"] for entry in told], ["26.3.1-c", "26.3.1-b", "26.3.1-a"])
    check_equal([entry["fixes"] for entry in told],
                [[{"cve": "CVE-2026-3", "component": "xml"}],
                 [{"cve": "CVE-2026-2", "component": "tls"}], [{"cve": CVE, "component": "tls"}]])
    check_equal(told[0]["advisories"], [{"id": "EXAMPLE-2026-0003", "url":
                "https://updates.example.com/advisories/example-2026-0003.html"}])
    newest = publisher.index()["improvements"][0]
    check_equal([image["sha256"] for image in told[0]["images"]],
                [image["sha256"] for image in newest["images"]])
    check_equal([payload["size"] for image in told[0]["images"] for payload in image["payloads"]],
                [payload["size"] for image in newest["images"] for payload in image["payloads"]])
    check_equal((told[0]["published"], told[0]["urgency"]), (newest["published"], "high"))
    def end_support(index):
        index.update(supported_until="2027-01-01T00:00:00Z", superseded_by="26.4")
    publisher.edit_index(end_support)
    publisher.advisories()
    [base] = publisher.feed()["bases"]
    check_equal((base["supported_until"], base["superseded_by"]), ("2027-01-01T00:00:00Z", "26.4"))
    index = words(read(publisher.path("advisories/index.html")).decode())
    check(re.search("0003.*0002.*0001", index), index)


@test
def the_feed_lists_all_that_lies_beside_it():
    publisher = Publisher()
    start = 1790000000
    publisher.release(fixes(1), at=start)
    for number, data in (2, NEWER_TLS), (3, changed(OLD_TLS, 1000, 100_000, 200_000, 5000)):
        publisher.release(fixes(number, {**FIX, "cve": f"CVE-2026-{number}", "references": [
            f"https://example.org/r/commit/{'a' * 40}"]}), {LIB: data}, at=start + number)
        publisher.listed_files()
    publisher.withdraw(1, "stop")
    publisher.advisories(at=start + 10)
    publisher.listed_files()
    feed = publisher.feed()
    check_equal([(a["id"], a["released"], a["updated"], a["revision"]) for a in feed["advisories"]],
                [("EXAMPLE-2026-0003", time_text(start + 3), time_text(start + 3), 1),
                 ("EXAMPLE-2026-0002", time_text(start + 2), time_text(start + 2), 1),
                 ("EXAMPLE-2026-0001", time_text(start), time_text(start + 10), 2)])
    # what is damaged is not laundered by what is published later
    flip_byte(publisher.path("advisories/example-2026-0003.html"))
    publisher.release(fixes(4, {**FIX, "component": "xml"}), {XMLLIB: NEW_XML}, component="xml",
                      at=start + 20)
    listed = {entry["path"]: entry["sha256"] for entry in publisher.feed()["files"]}
    check_equal([name for name, data in publisher.public_files().items()
                 if name in listed and hashlib.sha256(data).hexdigest() != listed[name]],
                ["advisories/example-2026-0003.html"])
    publisher.advisories(at=start + 20)
    publisher.listed_files()


@test
def a_software_centre_is_told_what_is_on_offer():
    publisher = Publisher()
    story(publisher)
    name = publisher.path("advisories/exampleos.releases.xml")
    def told():
        return [(r.get("version"), r.get("urgency"), r.find("url").text.rpartition("/")[2],
                 [p.text for p in r.iter("p")], [i.text for i in r.iter("issue")])
                for r in ElementTree.fromstring(read(name))]
    first = ("high", "example-2026-0001.html", ["A fix for navigation"], [CVE])
    check_equal(told(), [("26.3.2-a", *first), ("26.3.1-a", *first)])
    publisher.draft(fixes(2, {**FIX, "cve": "CVE-2026-2"}), {LIB: NEWER_TLS})
    publisher.draft(fixes(3, {**FIX, "cve": "EXAMPLE-3", "component": "xml"}, title=HOSTILE,
                          urgency="critical"), {XMLLIB: NEW_XML}, component="xml")
    publisher.publish("publish")
    [_, second, _] = told()
    check_equal((second[:3], len(second[3]), second[4]),
                (("26.3.1-b", "critical", "index.html"), 2, ["CVE-2026-2"]))
    publisher.withdraw(2, "stop")
    publisher.advisories()
    check_equal([line[0] for line in told()], ["26.3.2-a", "26.3.1-a"])


@test
def one_improvement_may_have_two_advisories():
    publisher = Publisher()
    publisher.draft(fixes(1))
    publisher.draft(fixes(2, {**FIX, "component": "xml"}), {XMLLIB: NEW_XML}, component="xml")
    publisher.publish("publish")
    [told] = publisher.feed()["bases"][0]["improvements"]
    check_equal([entry["id"] for entry in told["advisories"]],
                ["EXAMPLE-2026-0001", "EXAMPLE-2026-0002"])
    check_equal([fix["component"] for fix in told["fixes"]], ["tls", "xml"])
    check("26.3.1 (a)" in words(publisher.page("example-2026-0002")), "not the same improvement")


@test
def a_provider_lists_its_documents():
    publisher = Publisher()
    publisher.release(fixes(1), at=1767000000)
    publisher.release(fixes(2, {**FIX, "cve": "CVE-2026-2"}), {LIB: NEWER_TLS}, at=1767300000)
    folder = publisher.path(".well-known/csaf/white")
    check_equal(read(f"{folder}/index.txt").decode(),
                "2026/example-2026-0002.json\n2025/example-2026-0001.json\n")
    check_equal(read(f"{folder}/changes.csv").decode(),
                '"2026/example-2026-0002.json","2026-01-01T20:40:00Z"\r\n'
                '"2025/example-2026-0001.json","2025-12-29T09:20:00Z"\r\n')
    for name in read(f"{folder}/index.txt").decode().split():
        data = read(f"{folder}/{name}")
        for kind in "sha256", "sha512":
            check_equal(read(f"{folder}/{name}.{kind}").decode(),
                        f"{hashlib.new(kind, data).hexdigest()}  {os.path.basename(name)}\n")
    metadata = json.loads(read(publisher.path(".well-known/csaf/provider-metadata.json")))
    check_equal(metadata["distributions"],
                [{"directory_url": "https://updates.example.com/.well-known/csaf/white/"}])
    check_equal(metadata["last_updated"], "2026-01-01T20:40:00Z")
    text = read(publisher.path(".well-known/security.txt")).decode()
    check(f"\nCSAF: {metadata['canonical_url']}\n" in text, text)
    check(text.startswith("Contact: mailto:security@example.com\nExpires: 2026-12-29T09:20:00Z\n"), text)


@test
def a_provider_without_a_document_says_when_it_began():
    publisher = Publisher()
    name = publisher.path(".well-known/csaf/provider-metadata.json")
    publisher.advisories(at=1767000000)
    publisher.advisories(at=1767300000)
    check_equal(json.loads(read(name))["last_updated"], "2025-12-29T09:20:00Z")
    write(name, read(name).replace(b"2025-12-29T09:20", b"1970-01-01T00:00"))
    publisher.advisories(at=1767300000)
    check_equal(json.loads(read(name))["last_updated"], "2026-01-01T20:40:00Z", "what an older one wrote")
    publisher.release(fixes(1), at=1767400000)
    check_equal(json.loads(read(name))["last_updated"], "2026-01-03T00:26:40Z")


@test
def security_txt_is_renewed_before_it_expires():
    publisher = Publisher()
    start = 1767000000
    publisher.release(fixes(1), at=start)
    publisher.advisories(at=start + 180 * 86400)
    check(b"Expires: 2026-12-29T09:20:00Z" in read(publisher.path(".well-known/security.txt")), "early")
    publisher.advisories(at=start + 200 * 86400)
    check(b"Expires: 2027-07-17T09:20:00Z" in read(publisher.path(".well-known/security.txt")), "late")


@test
def a_commit_among_the_references_makes_an_osv_record():
    publisher = Publisher()
    commit = "902bc9190331343b2017211debcec8d2ab87e17a"
    publisher.release(fixes(1, {**FIX, "references": [
        f"https://github.com/example/tls/commit/{commit}", "https://example.org/a"]}))
    osv = json.loads(read(publisher.path("advisories/example-2026-0001.osv.json")))
    check_equal(osv["affected"], [{"ranges": [{"type": "GIT", "repo": "https://github.com/example/tls",
                "events": [{"introduced": "0"}, {"fixed": commit}]}]}])
    check_equal(osv["upstream"], [CVE])
    check("example-2026-0001.osv.json" in publisher.page(), "the page does not lead there")
    publisher.release(fixes(2, {**FIX, "references": ["https://github.com/example/tls/commit/902bc91"]}))
    check(not os.path.exists(publisher.path("advisories/example-2026-0002.osv.json")), "no commit")
    check("osv.json" not in publisher.page("example-2026-0002"), "the page leads nowhere")


@test
def a_score_needs_the_newer_schema():
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H"
    publisher = Publisher()
    done = publisher.draft(fixes(1, {**FIX, "cvss": vector}), expect=6)
    one_line_error(done, "fixes.json", "fixes[0].cvss", "needs schema 2")
    done = publisher.draft(fixes(1, {**FIX, "cvss": vector.replace("A:H", "A:X")}, schema=2), expect=6)
    one_line_error(done, "fixes.json", "fixes[0].cvss")
    publisher.release(fixes(1, {**FIX, "cvss": vector}, schema=2))
    [score] = publisher.csaf()["vulnerabilities"][0]["scores"]
    check_equal(score["cvss_v3"], {"version": "3.1", "vectorString": vector, "baseScore": 8.8,
                                   "baseSeverity": "HIGH"})
    check(b'"baseScore": 8.8,' in read(publisher.csaf_path()), "another spelling of 8.8")
    check("Severity: 8.8 of 10" in words(publisher.page()), "the page does not say it")


# -- what becomes of it --

@test
def a_withdrawal_is_told_and_its_replacement_too():
    publisher = Publisher()
    publisher.release(fixes(1))
    publisher.withdraw(1, "revert", reason="some sites cannot be reached")
    publisher.advisories()
    document, page = publisher.csaf(), words(publisher.page())
    check_equal([r["number"] for r in document["document"]["tracking"]["revision_history"]], ["1", "2"])
    check_equal(document["document"]["tracking"]["version"], "2")
    [remediation] = document["vulnerabilities"][0]["remediations"]
    check_equal(remediation["category"], "none_available")
    check("some sites cannot be reached" in remediation["details"], remediation)
    check("Available for: nothing at present" in page, page)
    check(re.search("26.3.1 \\(a\\) for Example OS .* was withdrawn on .*: some sites cannot", page), page)
    check_equal(publisher.feed()["bases"][0]["improvements"][0]["withdrawn"]["level"], "revert")
    # (b) is another advisory's, and mends the same
    publisher.release(fixes(2, FIX, {**FIX, "cve": "CVE-2026-2"}), {LIB: NEWER_TLS})
    document = publisher.csaf()
    check_equal(status(document)["fixed"],
                [f"exampleos:{key()}:26.3.1-a", f"exampleos:{key()}:26.3.1-b"])
    [remediation] = document["vulnerabilities"][0]["remediations"]
    check_equal(remediation["category"], "vendor_fix")
    check("26.3.1-b" in remediation["details"], remediation)
    check_equal(document["document"]["tracking"]["version"], "3")
    check("Available for: Example OS 26.3.1" in words(publisher.page()), "not available again")
    told = publisher.feed()["bases"][0]["improvements"]
    check_equal([[a["id"] for a in entry["advisories"]] for entry in told],
                [["EXAMPLE-2026-0002"], ["EXAMPLE-2026-0001"]])


@test
def every_fix_of_a_withdrawn_improvement_gets_its_replacement():
    publisher = Publisher()
    second = {**FIX, "cve": "CVE-2026-2"}
    publisher.release(fixes(1, FIX, second))
    publisher.withdraw(1, "revert")
    publisher.release(fixes(2), {LIB: NEWER_TLS})
    found = [entry["remediations"][0]["category"] for entry in publisher.csaf()["vulnerabilities"]]
    check_equal(found, ["vendor_fix", "none_available"])
    publisher.release(fixes(3, second), {LIB: changed(OLD_TLS, 1000, 100_000, 200_000, 5000)})
    [first, last] = publisher.csaf()["vulnerabilities"]
    check("26.3.1-b" in first["remediations"][0]["details"], first)
    check("26.3.1-c" in last["remediations"][0]["details"], last)


@test
def a_later_letter_leaves_older_advisories_alone():
    publisher = Publisher()
    publisher.release(fixes(1))
    before = publisher.public_files()
    publisher.release(fixes(2, {**FIX, "cve": "CVE-2026-2"}), {LIB: NEWER_TLS})
    after = publisher.public_files()
    for name in before:
        if "0001" in name:
            check_equal(after[name], before[name], name)


@test
def the_same_advisory_may_come_for_another_base_later():
    publisher = Publisher()
    publisher.add_base("phone", VERSION, "phone")
    publisher.release(fixes(1))
    publisher.release(fixes(1, {**FIX, "credit": "Thomas Espach and others"}), bases=["phone"])
    document = publisher.csaf()
    check_equal(len(status(document)["fixed"]), 2)
    check_equal(document["document"]["tracking"]["version"], "2")
    check("Thomas Espach and others" in words(publisher.page()), "the text is the older")


@test
def a_newer_base_lacks_what_was_withdrawn_before():
    publisher = Publisher()
    publisher.release(fixes(1, FIX, {**FIX, "cve": "CVE-2026-1"}))
    publisher.withdraw(1, "revert")
    publisher.release(fixes(2), {LIB: NEWER_TLS})
    publisher.add_base("next", "26.4", None, "--includes", "26.3.1-b")
    document = publisher.csaf()
    found = {entry["cve"]: entry["product_status"]["fixed"] for entry in document["vulnerabilities"]}
    check(f"exampleos:{key('26.4')}" in found[CVE], found)
    check(f"exampleos:{key('26.4')}" not in found["CVE-2026-1"], found)


@test
def what_changes_is_written_whatever_else_there_is():
    publisher = Publisher()
    for number in 1, 2, 3:
        publisher.release(fixes(number, {**FIX, "cve": f"CVE-2026-{number}"}),
                          {LIB: changed(NEWER_TLS, 30_000 * number)}, at=1790000000 + number)
    before = publisher.public_files()
    publisher.add_base("next", "26.4", None, "--includes", "26.3.1-b", "--allow-regression",
                       "the third is on its way")
    after = publisher.public_files()
    written = {name for name in after if after[name] != before[name] and "2026-000" in name}
    check_equal({re.search(r"000\d", name).group() for name in written}, {"0001", "0002"})
    check_equal(len(written), 2 * len([name for name in after if "0001" in name]))
    publisher.advisories()
    check_equal(publisher.public_files(), after)


@test
def a_newer_base_that_includes_it_is_told():
    publisher = Publisher()
    publisher.release(fixes(1))
    publisher.add_base("next", "26.4", None, "--includes", "26.3.1-a")
    document = publisher.csaf()
    check(f"exampleos:{key('26.4')}" in status(document)["fixed"], document)
    check("or update the system to 26.4" in
          document["vulnerabilities"][0]["remediations"][0]["details"], document)
    check("Example OS 26.4" in words(publisher.page()), "the page does not say it")
    publisher.release(fixes(2, {**FIX, "cve": "CVE-2026-2"}), {LIB: NEWER_TLS})
    check("26.4" not in words(publisher.page("example-2026-0002")), "26.4 does not have (b)")


# -- corrections --

def correct(publisher, text, *args, at=None, **options):
    write("corrected.json", json.dumps(text))
    return publisher.publish(*args, "advisories", "correct", "corrected.json", env=clock(at), **options)


@test
def a_text_is_corrected_without_an_improvement():
    commit = {"references": [f"https://example.org/r/commit/{'a' * 40}"]}
    publisher, start = Publisher(), 1790000000
    publisher.release(fixes(1, {**FIX, **commit}), at=start)
    signed = {name: read(publisher.path(name)) for top in ("metadata", "targets", "blobs")
              for name in files_below(publisher.repository, top)}
    mended = fixes(1, {**FIX, "impact": "A page may read another's data", "exploited": True},
                   title="A better title", urgency="critical", released=time_text(start + 5))
    done = correct(publisher, mended, "--reason", "Attacks are known.", at=start + 60)
    check("Corrected EXAMPLE-2026-0001: wrote" in done.stdout, done.stdout)
    tracking = publisher.csaf()["document"]["tracking"]
    check_equal([(r["number"], r["date"], r["summary"]) for r in tracking["revision_history"]],
                [("1", time_text(start), "26.3.1-a is published."),
                 ("2", time_text(start + 60), "Attacks are known.")])
    check_equal((tracking["version"], tracking["current_release_date"]), ("2", time_text(start + 60)))
    page = words(publisher.page())
    for text in ("A better title", "A page may read another's data", "urgency: critical", "revised",
                 "Attacks are known.", "known to have been used"):
        check(text in page, f"{text!r} is not in {page!r}")
    check(FIX["impact"] not in page, "the old text is still there")
    [told] = publisher.feed()["advisories"]
    check_equal((told["title"], told["updated"], told["revision"], told["urgency"]),
                ("A better title", time_text(start + 60), 2, "critical"))
    # the commit is not told any more: who read the record hears of it
    osv = json.loads(read(publisher.path("advisories/example-2026-0001.osv.json")))
    check_equal((osv["affected"], osv["withdrawn"]), ([], time_text(start + 60)))
    # what is signed stays: the index's own words, and the notes that devices show
    [improvement] = publisher.feed()["bases"][0]["improvements"]
    check_equal((improvement["urgency"], improvement["summary"]), ("high", "A fix for navigation"))
    check_equal({name: read(publisher.path(name)) for name in signed}, signed)
    publisher.listed_files()
    # once is enough, and what comes later builds on it
    again = json.loads(correct(publisher, mended, "--json", at=start + 90).stdout)
    check_equal((again["corrected"], again["changed_files"]), (False, 0))
    publisher.withdraw(1, "stop")
    publisher.advisories(at=start + 99)
    check("A better title" in publisher.page() and "3" == publisher.csaf()["document"]["tracking"]["version"],
          "the correction is forgotten")


@test
def a_correction_gives_the_same_bytes():
    found = []
    for _ in range(2):
        fresh_folder()
        publisher = Publisher()
        publisher.release(fixes(1), at=1790000000)
        correct(publisher, fixes(1, {**FIX, "credit": "Nobody"}), at=1790000001)
        found.append(publisher.public_files())
    check_equal(found[0], found[1])


@test
def a_correction_that_contradicts_what_is_signed_is_refused():
    publisher = Publisher()
    publisher.release(fixes(1, FIX, {**FIX, "cve": "CVE-2026-2"}))
    before = publisher.public_files()
    def refuses(text, *words, expect=1, args=()):
        one_line_error(correct(publisher, text, *args, expect=expect), *words)
        check_equal(publisher.public_files(), before)
    refuses(fixes(1), "EXAMPLE-2026-0001", "CVE-2026-2", "tls", "any more")
    refuses(fixes(1, FIX, {**FIX, "cve": "CVE-2026-2"}, {**FIX, "cve": "CVE-2026-3"}), "CVE-2026-3",
            "no improvement")
    refuses(fixes(7), "EXAMPLE-2026-0007", "a draft is corrected", expect=3)
    refuses({**fixes(1), "color": "blue"}, "corrected.json", "color", expect=6)
    refuses(fixes(1), "--reason", "one line", args=("--reason", "a\nb"))
    one_line_error(publisher.publish("advisories", "mend", expect=64), "advisories correct FIXES")
    one_line_error(publisher.publish("advisories", "correct", expect=64), "advisories correct FIXES")
    os.remove("repository.work/vendor.json")
    refuses(fixes(1), "vendor.json", expect=3)


# -- when, and what not --

@test
def without_a_vendor_nothing_is_told_and_nothing_forgotten():
    publisher = Publisher(vendor=None)
    for number, data in enumerate((NEW_TLS, NEWER_TLS, changed(OLD_TLS, 1000, 100_000, 200_000, 5000)), 1):
        publisher.release(fixes(number, {**FIX, "cve": f"CVE-2026-{number}"}), {LIB: data})
    check_equal(publisher.public_files(), {})
    one_line_error(publisher.advisories(expect=3), "repository.work/vendor.json", "examples/vendor.json")
    publisher.introduce()
    publisher.advisories()
    told = publisher.feed()["bases"][0]["improvements"]
    check_equal([entry["sequence"] for entry in told], [3, 2, 1])
    check("CVE-2026-1" in words(publisher.page("example-2026-0001")), "(a) is forgotten")


@test
def a_vendors_file_that_does_not_fit_is_refused():
    publisher = Publisher()
    for member, value, why in (("url", "https://updates.example.com", "not of the allowed form"),
                               ("contact", "security@example.com", "not of the allowed form"),
                               ("namespace", "https://a b", "not of the allowed form"),
                               ("language", "en_US", "not of the allowed form"),
                               ("name", None, "is missing"), ("color", "blue", "is not known here")):
        changed_file = {**VENDOR, member: value}
        if value is None:
            del changed_file[member]
        publisher.introduce(changed_file)
        one_line_error(publisher.advisories(expect=6), "vendor.json", member, why)
    publisher.draft(fixes(1))
    one_line_error(publisher.publish("publish", expect=6), "vendor.json")
    publisher.introduce()
    publisher.publish("publish")


@test
def nothing_is_told_before_its_time():
    publisher = Publisher()
    soon = 1900000000
    publisher.release(fixes(1, released=time_text(soon)))
    check(not any("0001" in name for name in publisher.public_files()), publisher.public_files())
    check("0001" not in read(publisher.path("advisories/index.html")).decode(), "told early")
    check_equal(publisher.feed()["bases"][0]["improvements"], [])
    publisher.advisories(at=soon - 1)
    check(not os.path.exists(publisher.path("advisories/example-2026-0001.html")), "told early")
    publisher.advisories(at=soon)
    check_equal(publisher.csaf("example-2026-0001", 2030)["document"]["tracking"]
                ["initial_release_date"], time_text(soon))


@test
def drafts_and_rehearsals_are_not_told():
    publisher = Publisher()
    publisher.draft(fixes(1))
    publisher.advisories()
    publisher.publish("--channel", "rehearsal", "publish")
    publisher.advisories()
    for name, data in publisher.public_files().items():
        check("0001" not in name and CVE.encode() not in data, name)


@test
def nothing_is_told_while_signatures_are_missing():
    publisher = Publisher()
    shutil.copytree(keys_folder(), "few")
    role = publisher.base_role()
    for name in os.listdir("few"):
        if name.startswith(f"{role}-"):
            os.remove(f"few/{name}")
    publisher.draft(fixes(1))
    run("suture-publish", "-C", publisher.repository, "--keys", "few", "publish", expect=5)
    check_equal(publisher.public_files(), {})
    one_line_error(publisher.advisories(expect=5), "'publish' waits for signatures")
    [waiting] = [name for name in os.listdir("repository.work/outbox/metadata") if role in name]
    file = f"repository.work/outbox/metadata/{waiting}"
    publisher.publish("sign", file)
    publisher.publish("resign")
    check(CVE in publisher.page(), "what waited is published without its advisory")


@test
def an_abandoned_change_leaves_no_record():
    publisher = Publisher()
    shutil.copytree(keys_folder(), "few")
    for name in os.listdir("few"):
        if name.startswith("snapshot-"):
            os.remove(f"few/{name}")
    publisher.draft(fixes(1))
    run("suture-publish", "-C", publisher.repository, "--keys", "few", "publish", expect=5)
    publisher.publish("abandon")
    publisher.advisories()
    check_equal(publisher.feed()["bases"][0]["improvements"], [])
    publisher.publish("publish")
    check(CVE in publisher.page(), "not published again")


@test
def an_interrupted_run_is_carried_on():
    publisher = Publisher()
    publisher.release(fixes(1))
    page = publisher.page()
    os.rename(publisher.path("advisories"), "advisories")
    write("repository.work/outbox/note.json",
          json.dumps({"schema": 1, "change": "advisories", "roles": []}))
    shutil.move("advisories", "repository.work/outbox/advisories")
    publisher.publish("resign")
    check_equal(publisher.page(), page)
    # behind the rename that decides, any verb does it
    os.rename(publisher.path("advisories"), "advisories")
    carried = read(publisher.path(".well-known/security.txt")) + b"# from the outbox\n"
    write("repository.work/outbox.ready/.well-known/security.txt", carried)
    shutil.move("advisories", "repository.work/outbox.ready/advisories")
    publisher.publish("check")
    check_equal(publisher.page(), page)
    check_equal(read(publisher.path(".well-known/security.txt")), carried)


@test
def the_same_input_gives_the_same_bytes():
    found, now = [], time.time()
    for _ in range(2):
        fresh_folder()
        publisher = Publisher()
        publisher.release(fixes(1), at=now)
        found.append(publisher.public_files())
    check_equal(found[0].keys(), found[1].keys())
    for name in found[0]:
        check_equal(found[0][name], found[1][name], name)


@test
def what_is_as_it_should_be_is_not_written_again():
    publisher = Publisher()
    publisher.release(fixes(1))
    told = json.loads(publisher.publish("--json", "advisories").stdout)
    check_equal(told, {"schema": 1, "changed_files": 0})
    check("as they should be" in publisher.advisories().stdout, "written again")
    os.remove(publisher.path("advisories/example-2026-0001.txt"))
    write(publisher.path("advisories/feed.json"), "{}")
    check("Wrote 2 files" in publisher.advisories().stdout, "not mended")
    publisher.introduce({**VENDOR, "name": "Another Project"})
    publisher.advisories()
    check("Another Project" in publisher.page(), "the vendor's new name")


# -- hostile and unlucky text --

@test
def markup_and_control_characters_are_text():
    publisher = Publisher(vendor={**VENDOR, "name": HOSTILE})
    publisher.release(fixes(1, {**FIX, "impact": HOSTILE, "description": HOSTILE, "credit": HOSTILE,
                                "references": [f"https://example.org/{HOSTILE}"]}, title=HOSTILE))
    page = publisher.page()
    for html in page, read(publisher.path("advisories/index.html")).decode():
        check("<script" not in html and "<b>" not in html, html)
        for character in "\u202e", "\u2066", "\u2028":
            check(character not in html, f"{character!r} is in the page")
    check("[U+202E]txt.exe[U+2066]" in page and '&lt;script&gt;alert(&quot;1' in page, page)
    [address] = re.findall(r'href="(https://example.org[^"]*)"', page)
    check(re.fullmatch(r"[A-Za-z0-9%:/._~()&;-]+", address), address)
    mail = read(publisher.path("advisories/example-2026-0001.txt")).decode()
    check("\u202e" not in mail and "[U+202E]" in mail, mail)


@test
def control_characters_in_a_fixes_file_are_refused():
    publisher = Publisher()
    for text in "a\nb", "a\x1bb", "a\x7fb":
        one_line_error(publisher.draft(fixes(1, {**FIX, "impact": text}), expect=6),
                       "fixes[0].impact", "printable")
    one_line_error(publisher.draft(fixes(1, {**FIX, "references": ["javascript:alert(1)"]}), expect=6),
                   "fixes[0].references[0]")


@test
def two_ids_may_not_share_their_files():
    publisher = Publisher()
    publisher.release(fixes(1, id="EX 1"))
    check(os.path.exists(publisher.path("advisories/ex_1.html")), "another name")
    publisher.draft(fixes(1, {**FIX, "cve": "CVE-2026-2"}, id="ex/1"), {LIB: NEWER_TLS})
    before = publisher.public_files()
    one_line_error(publisher.publish("publish", expect=1), "ex/1", "EX 1", "another id")
    check_equal(publisher.public_files(), before)


@test
def a_damaged_record_is_named():
    publisher = Publisher()
    publisher.release(fixes(1))
    write("repository.work/advisories/example-2026-0001.json", "{}")
    one_line_error(publisher.advisories(expect=6), "advisories/example-2026-0001.json", "is missing")


@test
def pages_stand_alone():
    publisher = Publisher()
    story(publisher)
    for html in publisher.page(), read(publisher.path("advisories/index.html")).decode():
        for word in "<script", " src=", "url(", "@import", "<img", "<iframe", "stylesheet":
            check(word not in html, f"{word} is in the page")
        for word in ('<html lang="en">', "<main>", "<h1>", "prefers-color-scheme:dark", "@media print",
                     'name="viewport"'):
            check(word in html, f"{word} is not in the page")


main()
