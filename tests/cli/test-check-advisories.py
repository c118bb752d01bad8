# SPDX-License-Identifier: Apache-2.0
"""What tells of fixes, held against what is signed and against itself, by the published files alone."""
import fcntl

from advisories import *
from tap import *

NAME = "advisories/example-2026-0001"
FEED = "advisories/feed.json"
WHITE = ".well-known/csaf/white"
START = int(time.time()) - 1000
YEAR = time.gmtime(START).tm_year
CSAF = f"{WHITE}/{YEAR}/example-2026-0001.json"
COMMIT = {"references": [f"https://example.org/r/commit/{'a' * 40}"]}
OLDER = f"exampleos:{VERSION}_{MACHINE}"


def look(repository="repository", *args, **options):
    return run("suture-publish", "-C", repository, *args, "check", **options)


def alone(repository="copy"):
    """As whoever has a copy and the vendor's root looks at it: without work folder, keys and bases."""
    return repository, "--trusted-root", "root.json"


def told(*args, **options):
    return json.loads(look(args[0], "--json", *args[1:], **options).stdout)


def eventful():
    """An advisory for three bases that was revised, one that was withdrawn and replaced, a base that
    includes the first, and one that lacks it all the same."""
    publisher = Publisher()
    publisher.add_base("phone", VERSION, "phone")
    publisher.release(fixes(1, {**FIX, **COMMIT}), bases=["desktop", "phone"], at=START)
    publisher.release(fixes(2, {**FIX, "cve": "CVE-2026-2"}), {LIB: NEWER_TLS}, at=START + 1)
    publisher.withdraw(2, "revert")
    publisher.release(fixes(3, {**FIX, "cve": "CVE-2026-3", "component": "xml"}), {XMLLIB: NEW_XML},
                      component="xml", at=START + 2)
    publisher.add_base("next", "26.4", None, "--includes", "26.3.1-a", "--allow-regression",
                       "the rest is not ready")
    publisher.add_base("last", "26.5", "desktop", "--predecessor", "desktop", "--allow-regression",
                       "nothing is ready")
    shutil.copy(publisher.path("metadata/1.root.json"), "root.json")
    return publisher


def copy_of(publisher):
    shutil.rmtree("copy", ignore_errors=True)
    shutil.copytree(publisher.repository, "copy")


def relist(name, repository="copy"):
    """As if the vendor had written the file like this: the feed lists it as it is now."""
    feed = json.loads(read(f"{repository}/{FEED}"))
    data = read(f"{repository}/{name}")
    [entry] = [entry for entry in feed["files"] if entry["path"] == name]
    entry.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    write(f"{repository}/{FEED}", json.dumps(feed))


def rewrite(name, change, repository="copy"):
    """Changes a document and all that has its digest."""
    document = json.loads(read(f"{repository}/{name}"))
    change(document)
    write(f"{repository}/{name}", json.dumps(document))
    if name == FEED:
        return
    relist(name, repository)
    if name == CSAF:
        for kind in "sha256", "sha512":
            digest = hashlib.new(kind, read(f"{repository}/{name}")).hexdigest()
            write(f"{repository}/{name}.{kind}", f"{digest}  {os.path.basename(name)}\n")
            relist(f"{name}.{kind}", repository)


def retext(name, old, new):
    data = read(f"copy/{name}").decode()
    check(old in data, f"{old!r} is not in {name}")
    write(f"copy/{name}", data.replace(old, new))
    relist(name)


def finds(*words):
    done = look(*alone(), expect=6)
    check(all(any(word in line for line in done.stderr.splitlines()) for word in words),
          f"{words} are not in {done.stderr!r}")
    for line in done.stderr.splitlines():
        check("suture-publish advisories" in line, f"no remedy: {line}")


@test
def what_was_published_is_found_good():
    publisher = eventful()
    for args in ("repository",), alone("repository"):
        out = told(*args)
        check_equal((out["good"], out["faults"], out["advisories"]), (True, [], 3))
        check_equal([(entry["base"], entry["of"], entry["reason"]) for entry in out["lacks"]],
                    [(f"26.4_{MACHINE}", "26.3.1-c", "the rest is not ready"),
                     (f"26.5_desktop_{MACHINE}", "26.3.1-c", "nothing is ready")])
        check("files of 26.3.1-c: the rest is not ready" in look(*args).stdout, "not told")
    # a part of it is looked at as a part
    check_equal(told(*alone("repository"), "--base", f"exampleos_{VERSION}_phone_{MACHINE}")["faults"], [])
    # and where nobody tells of fixes, nothing is missing
    os.remove("repository.work/vendor.json")
    for top in "advisories", ".well-known":
        shutil.rmtree(publisher.path(top))
    check_equal(told("repository")["advisories"], 0)


@test
def each_missing_or_damaged_file_is_named():
    publisher = eventful()
    names = [name for name in publisher.public_files() if name != ".well-known/security.txt"]
    check(len(names) > 20, names)
    for hurt, words in ((os.remove, "missing"), (flip_byte, "damaged")):
        copy_of(publisher)
        for name in names:
            if name != FEED:
                hurt(f"copy/{name}")
        done = look(*alone(), expect=6)
        for name in names:
            check(name == FEED or any(line.startswith(f"suture-publish: {name} is {words}") or
                                      f"{name} is {words}" in line for line in done.stderr.splitlines()),
                  f"{name} is not told: {done.stderr}")
        check_equal(len(done.stderr.splitlines()), len(names) - 1, done.stderr)
    copy_of(publisher)
    os.remove(f"copy/{FEED}")
    finds(f"{FEED} is missing")
    for text in "{", "{}", '{"format":"suture-feed","schema":1}':
        write(f"copy/{FEED}", text)
        finds(FEED)
    # all of it lost is seen where the vendor's own folder says that there was something
    for top in "advisories", ".well-known":
        shutil.rmtree(publisher.path(top))
    one_line_error(look(expect=6), f"{FEED} is missing")
    publisher.advisories()
    look()


@test
def forms_that_contradict_each_other_are_found():
    publisher = eventful()
    def tracking(**members):
        return lambda document: document["document"]["tracking"].update(members)
    def statement(**members):
        return lambda document: document["statements"][0].update(members)
    cases = (
        (CSAF, tracking(id="EXAMPLE-2026-0009"), "tracking.id"),
        (CSAF, tracking(version="7"), "version"),
        (CSAF, tracking(current_release_date="2026-01-01T00:00:00Z"), "current_release_date"),
        (CSAF, lambda d: d["document"]["tracking"]["revision_history"].pop(), "revision"),
        (CSAF, lambda d: d["document"].update(title="Nothing"), "title"),
        (CSAF, lambda d: d["vulnerabilities"][0]["product_status"]["fixed"].pop(), "openvex"),
        (CSAF, lambda d: d["vulnerabilities"][0]["product_status"]["fixed"].append("x:y"), "tree"),
        (CSAF, lambda d: d["vulnerabilities"][0].update(references=[]), "osv.json"),
        (f"{NAME}.openvex.json", lambda d: d.update(version=9), "version"),
        (f"{NAME}.openvex.json", lambda d: d["statements"].pop(), "lacks what CSAF says"),
        (f"{NAME}.openvex.json", statement(status="not_affected"), "CSAF"),
        (f"{NAME}.osv.json", lambda d: d.update(summary="Nothing"), "summary"),
        (f"{NAME}.osv.json", lambda d: d["upstream"].append("CVE-1999-1"), "CSAF has not"),
        (".well-known/csaf/provider-metadata.json", lambda d: d.update(last_updated="1970-01-01T00:00:00Z"),
         "last_updated"),
        (".well-known/csaf/provider-metadata.json", lambda d: d.update(canonical_url="https://x/"), "place"),
    )
    for name, change, word in cases:
        copy_of(publisher)
        rewrite(name, change)
        finds(word)
    copy_of(publisher)
    retext(f"{NAME}.openvex.json", '"version": ', '"version": 1, "version": ')
    finds("duplicate")
    for name, old, new, word in (
            (f"{NAME}.html", CVE, "CVE-1999-1", CVE), (f"{NAME}.txt", CVE, "CVE-1999-1", CVE),
            (f"{NAME}.html", "A fix for navigation", "Nothing", "A fix for navigation"),
            (f"{CSAF}.sha512", "a", "b", "digest"), (f"{WHITE}/index.txt", "-0001.json", "-0009.json", "index.txt"),
            (f"{WHITE}/changes.csv", "Z\"\r\n", "A\"\r\n", "changes.csv"),
            (f"{WHITE}/index.txt", f"{YEAR}/example-2026-0001", f"x\n{YEAR}/example-2026-0001", "no advisory"),
            ("advisories/exampleos.releases.xml", "26.3.1-a", "26.3.1-b", "offers 26.3.1-b"),
            ("advisories/index.html", '"example-2026-0001.html"', '"x.html"', "EXAMPLE-2026-0001")):
        copy_of(publisher)
        retext(name, old, new)
        finds(word)


@test
def an_advisory_says_nothing_that_is_not_signed():
    publisher = eventful()
    def base(document):
        return next(b for b in document["bases"] if f"{b['product']}:{b['base']}" == OLDER)
    def newest(**members):
        return lambda document: base(document)["improvements"][0].update(members)
    def promise(document):
        base(document)["improvements"].insert(0, {**base(document)["improvements"][0], "sequence": 9,
                                                  "machine_label": f"{VERSION}-i"})
    cases = (
        (newest(urgency="low"), "urgency of", "signed"), (newest(published="2026-01-01T00:00:00Z"), "published"),
        (newest(images=[]), "images of"), (newest(advisories=[]), "advisories of"),
        (newest(fixes=[]), "lacks its fix of CVE-2026-3"),
        (lambda d: base(d)["improvements"][0]["fixes"].append({"cve": "CVE-1999-1", "component": "tls"}),
         "promises a fix of CVE-1999-1", "no advisory tells"),
        (lambda d: base(d)["improvements"].pop(0), "lacks exampleos"),
        (lambda d: [i.pop("withdrawn", None) for i in base(d)["improvements"]], "withdrawn of"),
        (newest(withdrawn={"level": "stop", "reason": "x", "issued": "2026-01-01T00:00:00Z"}), "withdrawn of"),
        (promise, f"{VERSION}-i"),
        (lambda d: d["bases"].remove(base(d)), "lacks the base", "promises a fix that is not signed"),
        (lambda d: d["bases"].append({**base(d), "base": "27_x86_64"}), "27_x86_64, which is not signed"),
        (lambda d: base(d).update(superseded_by="27"), "superseded_by"),
        (lambda d: d["advisories"].pop(), "no advisory tells"),
        (lambda d: d["advisories"][0].update(revision=9), "revision"),
        (lambda d: d["files"].pop(0), "does not list"),
        (lambda d: d["files"].append({**d["files"][0], "path": "../x.html"}), "x.html"),
    )
    for change, *words in cases:
        copy_of(publisher)
        rewrite(FEED, change)
        finds(*words)


@test
def a_base_is_not_said_to_have_what_it_lacks():
    publisher = Publisher()
    publisher.release(fixes(1), at=START)
    # the declaration says one thing, the bytes another: the vendor publishes it all the same
    publisher.add_base("next", "26.4", None, "--includes", "26.3.1-a", "--allow-regression", "a mistake",
                       library=OLD_TLS)
    shutil.copy(publisher.path("metadata/1.root.json"), "root.json")
    check("26.4" not in words(publisher.page()), "the page says that 26.4 has the fix")
    check_equal(told("repository")["lacks"], [{"product": "exampleos", "base": f"26.4_{MACHINE}", "files": 1,
                "of": "26.3.1-a", "reason": "a mistake"}])
    copy_of(publisher)
    older = f"exampleos:26.4_{MACHINE}"
    def add(document):
        document["vulnerabilities"][0]["product_status"]["fixed"].append(older)
        document["product_tree"]["branches"].append({"product": {"product_id": older,
            "product_identification_helper": {"purl": "pkg:generic/x"}}})
    rewrite(CSAF, add)
    rewrite(f"{NAME}.openvex.json", lambda d: d["statements"][0]["products"].append({"@id": "pkg:generic/x"}))
    finds(f"EXAMPLE-2026-0001 promises a fix that is not signed: {older} {CVE}")
    # what is signed of it has a form, too
    publisher.edit_index(lambda index: index.update(optional={"lacks": {"reason": "x", "of": "26.3.1-a",
        "base": "nowhere", "files": [{"path": "/etc", "component": "tls", "cause": "old-bytes", "cves": []}]}}))
    done = look(expect=6)
    check("signed to lack" in done.stderr and "has no path" in done.stderr, done.stderr)


@test
def what_is_planned_is_missed_once_it_is_due():
    publisher, soon = Publisher(), int(time.time()) + 2
    publisher.advisories()
    publisher.release(fixes(1, released=time_text(soon)))
    look()
    time.sleep(max(0, soon + 1 - time.time()))
    one_line_error(look(expect=6), "feed.json lacks exampleos", "advisories' writes it anew")
    publisher.advisories()
    look()


@test
def what_is_just_being_published_is_no_fault():
    publisher = Publisher()
    publisher.release(fixes(1))
    before = publisher.public_files()
    publisher.release(fixes(2, {**FIX, "cve": "CVE-2026-2"}), {LIB: NEWER_TLS})
    # another publisher is between the metadata and the advisories
    for name in set(publisher.public_files()) - set(before):
        os.remove(publisher.path(name))
    for name, data in before.items():
        write(publisher.path(name), data)
    os.makedirs("repository.work/outbox.ready/advisories")
    lock = os.open("repository.work", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    out = told("repository")
    check_equal((out["good"], out["faults"], out["publishing"]), (True, [], True))
    check("something is being published" in look().stdout, "not told")
    os.close(lock)
    done = look(expect=6)
    check("feed.json lacks exampleos" in done.stderr, done.stderr)
    check_equal(told("repository", expect=6)["publishing"], False)


@test
def security_txt_must_lead_there_and_be_fresh():
    publisher = Publisher()
    publisher.release(fixes(1))
    name = publisher.path(".well-known/security.txt")
    for old, new, word in (("/csaf/", "/x/", "lead"), ("Expires: 20", "Expires: 19", "expired")):
        before = read(name)
        write(name, before.decode().replace(old, new))
        one_line_error(look(expect=6), "security.txt", word)
        write(name, before)
    os.remove(name)
    one_line_error(look(expect=6), "security.txt is missing")
    shutil.copy(publisher.path("metadata/1.root.json"), "root.json")
    look(*alone("repository"))


main()
