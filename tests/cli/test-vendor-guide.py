# SPDX-License-Identifier: Apache-2.0
"""doc/vendor/README.md: every command in it, in its order."""
import json
import os

from guide import Guide
from tap import *

MACHINE = os.uname().machine


def published():
    return json.loads(run("suture-publish", "-C", "www", "--json", "check").stdout)


@test
def the_vendors_guide_from_nothing_to_a_mirror():
    guide = Guide("doc/vendor/README.md", MACHINE)
    told = guide.follow("The first improvement")
    check("26.3.1 (a)" in told, told)
    guide.follow("Who publishes")
    check(os.listdir("www/advisories"), "no advisories")
    guide.follow("Release day")
    page = read("www/advisories/exampleos-2026-0001.html").decode()
    check("CVE-2026-20643" in page and "26.3.1" in page, page)
    guide.follow("The recall drill")
    told = guide.follow("The next base")
    check("CVE-2026-20643" in told, told)
    guide.follow("Every day, by a machine")
    os.chmod(os.getcwd(), 0o755)  # the downloader is a user of its own
    guide.follow("Without a network")
    check_equal(set(guide.sections()) - guide.followed, set(), "sections that nobody follows")
    check_equal(published()["schema"], 1)


main()
