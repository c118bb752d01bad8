# SPDX-License-Identifier: Apache-2.0
"""A vendor who tells what was fixed: fixes files, several bases, and what is published of them."""
import hashlib
import re
from xml.etree import ElementTree

from world import *

VENDOR = json.loads(read(os.path.join(tap.SOURCE, "examples/vendor.json")))
CVE = "CVE-2026-20643"
FIX = {"cve": CVE, "component": "tls", "credit": "Thomas Espach",
       "impact": "Processing maliciously crafted web content may bypass Same Origin Policy",
       "description": "A cross-origin issue was addressed with improved input validation.",
       "references": ["https://bugs.example.org/306050"]}
HOSTILE = '</p><script>alert("1")</script>&amp; \u202etxt.exe\u2066 \u2028 <b>'
REBUILT = 1760000000  # images keep the times of files
# The bases of the story, besides `desktop` 26.3.1: name, version, variant
MORE_BASES = (("phone", "26.3.1", "phone"), ("tablet", "26.3.1", "tablet"), ("neo", "26.3.2", "desktop"))


def fixes(number=1, *entries, **more):
    return {"schema": 1, "id": f"EXAMPLE-2026-{number:04}", "title": "A fix for navigation",
            "urgency": "high", "fixes": list(entries) or [FIX], **more}


class Publisher(Vendor):
    def __init__(self, vendor=VENDOR):
        super().__init__()
        self.roots = {"desktop": base_root()}
        if vendor:
            self.introduce(vendor)

    def introduce(self, vendor=VENDOR):
        write("repository.work/vendor.json", json.dumps(vendor))

    def add_base(self, name, version, variant=None, *args, library=None):
        root = self.roots[name] = os.path.join(self.folder, f"base-{name}")
        release = OS_RELEASE.replace(VERSION, version) + (f"VARIANT_ID={variant}\n" if variant else "")
        # what includes a fix has it, be it in a form of its own
        library = library or (changed(OLD_TLS, 77_000) if "--includes" in args else OLD_TLS)
        fill(root, {**BASE_FILES, LIB: library, "usr/lib/os-release": release})
        self.publish("base", "add", name, "--root", root, "--os-release",
                     f"{root}/usr/lib/os-release", "--architecture", MACHINE, *args)

    def draft(self, text, files=None, bases=("desktop",), component="tls", expect=0):
        """A draft for these bases: each with the same files changed."""
        self.count += 1
        trees = []
        for name in bases:
            new = os.path.join(self.folder, f"new-{self.count}-{name}")
            shutil.copytree(self.roots[name], new, symlinks=True)
            fill(new, files or {LIB: NEW_TLS})
            for path in files or [LIB]:
                os.utime(os.path.join(new, path), (REBUILT, REBUILT))
            trees += ["--base", f"{name}={new}"]
        directory = COMPONENTS[component]
        write("components.json", json.dumps({"schema": 1, "components": [
            {"name": component, "directories": [directory], "files": [f"{directory}/**"],
             "restart": "services"}]}))
        write("fixes.json", json.dumps(text))
        return self.publish("create", "--fixes", "fixes.json", "--components", "components.json",
                            "--component", component, *trees, expect=expect)

    def release(self, text, files=None, bases=("desktop",), component="tls", at=None):
        self.draft(text, files, bases, component)
        self.publish("publish", env=clock(at))

    def advisories(self, at=None, **options):
        return self.publish("advisories", env=clock(at), **options)

    def page(self, name="example-2026-0001"):
        return read(self.path("advisories", f"{name}.html")).decode()

    def feed(self):
        return json.loads(read(self.path("advisories/feed.json")))

    def csaf_path(self, name="example-2026-0001", year=None):
        year = year or time.gmtime().tm_year
        return self.path(f".well-known/csaf/white/{year}/{name}.json")

    def csaf(self, *args):
        return json.loads(read(self.csaf_path(*args)))

    def listed_files(self):
        """Checks that the feed lists exactly what lies beside it, and as it is."""
        listed = {entry["path"]: (entry["sha256"], entry["size"]) for entry in self.feed()["files"]}
        found = {name: (hashlib.sha256(data).hexdigest(), len(data))
                 for name, data in self.public_files().items()
                 if name not in ("advisories/feed.json", ".well-known/security.txt")}
        check_equal(listed, found)

    def public_files(self):
        """path below the repository → bytes, of what tells of fixes."""
        found = {}
        for top in "advisories", ".well-known":
            for folder, _, names in os.walk(self.path(top)):
                for name in names:
                    path = os.path.join(folder, name)
                    found[os.path.relpath(path, self.repository)] = read(path)
        return found


def files_below(folder, top):
    return [os.path.relpath(os.path.join(place, name), folder)
            for place, _, names in os.walk(os.path.join(folder, top)) for name in names]


def clock(at):
    return {"SOURCE_DATE_EPOCH": str(int(at))} if at else None


def story(publisher):
    """One fix for four bases at once, two of them at other versions or variants."""
    for base in MORE_BASES:
        publisher.add_base(*base)
    publisher.release(fixes(), bases=["desktop", *(name for name, _, _ in MORE_BASES)])


def words(html):
    """What a reader of a page sees, in one line."""
    body = html.partition("<body>")[2]
    text = re.sub(r"<[^>]*>", " ", body)
    for escaped, plain in ("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&"):
        text = text.replace(escaped, plain)
    return " ".join(text.split())
