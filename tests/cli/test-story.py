# SPDX-License-Identifier: Apache-2.0
"""The story that Suture is made for (tools/story), from the rehearsal to the base that contains the fix."""
import glob
import json

from tap import *

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@test
def every_step_of_the_story_is_true():
    if not glob.glob("/usr/lib/*/faketime/libfaketime.so.1"):
        skip("faketime is not installed")
    done = run("/usr/bin/unshare", "-m", "/usr/bin/python3", os.path.join(TOP, "tools/story/story.py"),
               expect=None)
    check_equal(done.returncode, 0, done.stdout + done.stderr)
    report = json.loads(read(os.path.join(os.environ["SUTURE_BUILD"], "story/report.json")))
    check(report["good"] and len(report["steps"]) >= 20 and all(report["steps"].values()), report)
    check(max(report["sizes"]["payload_bytes"].values()) < 4096, report["sizes"])


main()
