#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The story that Suture is made for, with its dates: `make story`.

In March 2026 a fix for CVE-2026-20643 reached phones, tablets and computers between two updates of their
systems, as "26.3.1 (a)" and, for a model with another base, as "26.3.2 (a)". Here a vendor does the same
with `suture-publish` and a folder of files, four machines live through it, and a probe really tries the
bypass at every turn. What did not happen then and may happen to anybody is told too: a fix that breaks
something, and a base that lacks a fix.

It happens below build/story, in a private mount namespace. The repository with its advisories stays there;
report.json says of every step whether it is true, and how much was sent.
"""
import calendar
import json
import os
import re
import shutil
import sys
import time

import machines
from machines import (at, Failed, MACHINE, Machine, STORY, base_key, below, make_base, program, run, write)

EXAMPLE = os.path.join(machines.TOP, "examples/webkit")
CVE = "CVE-2026-20643"
VERSIONS = {"phone": "26.3.1", "tablet": "26.3.1", "desktop": "26.3.1", "neo": "26.3.2"}
OWNERS = "phone", "tablet", "desktop", "neo"
RAMP = "0:1,4:10,8:100"


def utc(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M"))


BETA, BETA_CHECK = utc("2026-01-06 17:00"), utc("2026-01-06 18:00")
FOUND = utc("2026-03-16 09:00")
RELEASE = utc("2026-03-17 17:00")
COMPLAINT = utc("2026-03-19 11:00")
AGAIN = utc("2026-03-20 17:00")
NEXT_BASE = utc("2026-03-24 17:00")
HOUR = 3600


class Story:
    """What is told, and what was true."""

    def __init__(self):
        self.steps, self.sizes = {}, {}

    def date(self, when, text):
        day = time.strftime("%-d %B %Y, %H:%M", time.gmtime(when))
        line = f"{day}  {text}"
        print(f"\n\033[1m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}", flush=True)

    def say(self, text):
        print(f"  {text}", flush=True)

    def step(self, name, is_true, text):
        self.steps[name] = bool(is_true)
        print(f"  {'✓' if is_true else '✗'} {text}", flush=True)

    def end(self):
        good = bool(self.steps) and all(self.steps.values())
        write(below("report.json"), json.dumps({"schema": 1, "good": good, "steps": self.steps,
                                                "sizes": self.sizes}, indent=2) + "\n")
        missing = [name for name, is_true in self.steps.items() if not is_true]
        print(f"\n{len(self.steps)} steps, all true." if good else f"\nNot true: {', '.join(missing)}.")
        print(f"  The repository with its advisories: {below('repository')}\n"
              f"  What was true, and the sizes:       {below('report.json')}", flush=True)
        return 0 if good else 1


class Vendor:
    """The people who ship Example OS: three engineers, one command, a folder that any web server serves."""

    def __init__(self):
        self.url = f"file://{below('repository')}/"

    def publish(self, when, *words, expect=(0,)):
        return run(program("suture-publish"), "-C", below("repository"), "--keys", below("keys"), *words,
                   expect=expect, env=dict(os.environ, SOURCE_DATE_EPOCH=str(when)))

    def json(self, when, *words):
        return json.loads(self.publish(when, "--json", *words).stdout)

    def begin(self, when):
        self.publish(when, "init")
        shutil.copy(os.path.join(machines.TOP, "examples/vendor.json"), below("repository.work/vendor.json"))

    def add_base(self, when, name, root, *words, expect=(0,)):
        return self.publish(when, "base", "add", name, "--root", root, "--os-release",
                            os.path.join(root, "usr/lib/os-release"), "--architecture", MACHINE, *words,
                            expect=expect)

    def create(self, when, fix):
        """One command for all four bases: the whole component rebuilt with the fix."""
        words = []
        for name in OWNERS:
            words += ["--base", f"{name}={make_rebuild(name, fix)}"]
        return self.json(when, "create", "--fixes", os.path.join(EXAMPLE, f"fixes-{fix}.json"),
                         "--components", os.path.join(EXAMPLE, "components.json"),
                         "--component", "webkit", *words)["drafts"]


    def advisory(self, name, ending):
        with open(below("repository/advisories", name.lower() + ending), encoding="utf-8") as file:
            return file.read()

    def csaf(self, name):
        year = name.split("-")[1]
        with open(below("repository/.well-known/csaf/white", year, name.lower() + ".json"),
                  encoding="utf-8") as file:
            return file.read()


def make_rebuild(name, fix):
    return make_base(f"{name}-fix-{fix}", VERSIONS[name], name, fix)


def rehearse(story, vendor):
    story.date(BETA, "A rehearsal without content, for the beta of a phone")
    vendor.begin(BETA - 30 * 86400)
    vendor.add_base(BETA, "phone-beta", make_base("phone-beta", "26.3", "phone"))
    vendor.publish(BETA, "publish", "--rehearsal", "--channel", "rehearsal", "--base", "phone-beta")
    beta = Machine("beta", "phone-beta", base_key("26.3", "phone"), vendor.url, channel="rehearsal")
    beta.agent(BETA_CHECK)
    story.step("rehearsal_reaches_the_beta", beta.label(BETA_CHECK) == "26.3 (a)" and not beta.grafts(),
               f"the beta phone shows {beta.label(BETA_CHECK)}, and nothing of it was changed")
    beta.suture(BETA_CHECK + HOUR, "remove")
    story.step("rehearsal_can_be_removed", beta.label(BETA_CHECK + HOUR) == "26.3",
               "its owner takes it off again")
    beta.stop_browser()


def ship(story, vendor):
    story.date(FOUND, f"{CVE} is found: a page can read what belongs to another")
    for name in OWNERS:
        vendor.add_base(FOUND, name, make_base(name, VERSIONS[name], name))
    owners = {}
    # By how far in front each stands in the queue of (a); the tester's comes before the public's.
    for name, queue in zip(OWNERS, ((0, 1), (1, 10), (10, 100), (10, 100))):
        owners[name] = Machine(name, name, base_key(VERSIONS[name], name), vendor.url, queue=queue)
    owners["careful"] = Machine("careful", "desktop", base_key("26.3.1", "desktop"), vendor.url,
                                automatic=False)
    owners["tester"] = Machine("tester", "phone", base_key("26.3.1", "phone"), vendor.url,
                               channel="rehearsal")
    story.step("base_is_open", all(owner.is_open_to_attack() for owner in owners.values()),
               "the probe reads the bank's page from evil.example on phone, tablet, desktop and neo")
    return owners


def release(story, vendor, owners):
    story.date(RELEASE - 4 * HOUR, "The fix is made for all four bases by one command, and rehearsed")
    drafts = vendor.create(RELEASE - 4 * HOUR, 1)
    story.sizes["payload_bytes"] = {draft["base"]: min(payload["bytes"] for payload in draft["payloads"])
                                    for draft in drafts}
    story.step("one_command_for_four_bases", sorted(draft["base"] for draft in drafts) == sorted(OWNERS),
               "drafts for " + ", ".join(draft["base"] for draft in drafts))
    vendor.publish(RELEASE - 4 * HOUR, "publish", "--channel", "rehearsal")
    owners["tester"].agent(RELEASE - 3 * HOUR)
    for name in OWNERS:
        owners[name].agent(RELEASE - 3 * HOUR)
    story.step("rehearsed_before_the_public",
               not owners["tester"].is_open_to_attack() and owners["phone"].is_open_to_attack(),
               "a tester's phone has it; nobody else does")
    story.date(RELEASE, "The same bytes go to everybody, slowly: 1, 10, 100 per cent")
    vendor.publish(RELEASE, "promote", "26.3.1-a", "26.3.2-a", "--from", "rehearsal", "--to", "public",
                   "--ramp", RAMP)
    reached = []
    for hours in 1, 5, 9:
        for name in OWNERS:
            owners[name].agent(RELEASE + hours * HOUR)
        reached.append([name for name in OWNERS if not owners[name].is_open_to_attack()])
        story.say(f"after {hours} h: " + (", ".join(reached[-1]) or "nobody"))
    story.step("ramp_is_a_cap", reached == [["phone"], ["phone", "tablet"], list(OWNERS)],
               "each machine came in when it was its turn")
    evening = RELEASE + 9 * HOUR
    labels = {name: owners[name].label(evening) for name in OWNERS}
    story.step("labels", labels == {name: f"{VERSIONS[name]} (a)" for name in OWNERS},
               "they show " + ", ".join(sorted(set(labels.values()))))
    story.step("bypass_is_refused", not any(owners[name].is_open_to_attack() for name in OWNERS)
               and not any(owners[name].exposed(evening) for name in OWNERS),
               "the probe is refused on all four, and nothing runs the old code")
    story.step("careful_owner_is_left_alone", owners["careful"].is_open_to_attack()
               and owners["careful"].label(evening) == "26.3.1", "who turned it off was not touched")
    take_off_and_on(story, owners["desktop"], evening)


def take_off_and_on(story, desktop, when):
    desktop.suture(when, "remove")
    desktop.restart_browser()
    story.step("removal_shows_the_base", desktop.is_open_to_attack() and not desktop.grafts(),
               "the owner of the desktop removes it, and the probe gets through again")
    desktop.suture(when, "install")
    desktop.restart_browser()
    story.step("removed_one_comes_back", not desktop.is_open_to_attack(), "and installs it once more")


def withdraw(story, vendor, owners):
    story.date(COMPLAINT, "Pages that are opened with a name can no longer read their own site")
    story.step("complaint_is_true", not any(owners[name].named_pages_work() for name in OWNERS)
               and owners["careful"].named_pages_work(), "true: with (a) they cannot, without it they can")
    vendor.publish(COMPLAINT, "withdraw", "26.3.1-a", "26.3.2-a", "--level", "revert", "--reason",
                   "pages that are opened with a name cannot read their own site")
    for name in OWNERS:
        owners[name].agent(COMPLAINT + HOUR)
    back = {name: owners[name].label(COMPLAINT + HOUR) for name in OWNERS}
    story.step("withdrawn_one_is_taken_off", back == {name: VERSIONS[name] for name in OWNERS}
               and all(owners[name].named_pages_work() for name in OWNERS)
               and not any(owners[name].grafts() for name in OWNERS),
               "an hour later all four are at their bases, and the pages work")
    why = owners["phone"].suture(COMPLAINT + HOUR, "history").stdout.strip().split("\n")[-1].strip()
    story.step("reason_is_told", "pages that are opened with a name" in why, why)


def improve(story, vendor, owners):
    story.date(AGAIN, "(b), which keeps both")
    vendor.create(AGAIN, 2)
    vendor.publish(AGAIN, "publish", "--ramp", "0:100")
    for name in OWNERS:
        owners[name].agent(AGAIN + HOUR)
    labels = {name: owners[name].label(AGAIN + HOUR) for name in OWNERS}
    story.step("second_letter", labels == {name: f"{VERSIONS[name]} (b)" for name in OWNERS},
               "they show " + ", ".join(sorted(set(labels.values()))))
    story.step("both_are_kept", all(not owners[name].is_open_to_attack() and owners[name].named_pages_work()
                                    for name in OWNERS), "the probe is refused, and the pages work")


def next_base(story, vendor, owners):
    story.date(NEXT_BASE, "26.4")
    lacking = make_base("phone-lacking", "26.4", "phone")
    refused = vendor.add_base(NEXT_BASE, "phone-26.4", lacking, expect=(0, 1))
    story.step("base_without_the_fix_is_refused", refused.returncode == 1 and CVE in refused.stderr,
               "a build that lacks the fix is refused: " + refused.stderr.strip().split("\n")[-1])
    for name in "phone", "desktop":
        vendor.add_base(NEXT_BASE, f"{name}-26.4", make_base(f"{name}-26.4", "26.4", name, 2),
                        "--includes", "26.3.1-b")
    for name in "phone", "careful":
        owners[name].update("desktop-26.4" if name == "careful" else "phone-26.4")
        owners[name].agent(NEXT_BASE + HOUR)
    story.step("improvement_falls_away", owners["phone"].label(NEXT_BASE + HOUR) == "26.4"
               and not owners["phone"].grafts() and not owners["phone"].is_open_to_attack(),
               "the phone takes it: 26.4, nothing is grafted, and the probe is refused")
    history = owners["phone"].suture(NEXT_BASE + HOUR, "history").stdout
    story.step("history_says_why", "contained in 26.4" in history, history.strip().split("\n")[-1].strip())
    story.step("careful_owner_is_protected", not owners["careful"].is_open_to_attack()
               and "(" not in owners["careful"].suture(NEXT_BASE + HOUR, "history").stdout,
               "who had turned it off takes it too, and is protected without ever having had a letter")


def look_at_the_desk(story, vendor):
    when = NEXT_BASE + 2 * HOUR
    story.date(when, "What is on the vendor's desk")
    page = vendor.advisory("EXAMPLEOS-2026-0001", ".html")
    bases = re.findall(r"<dd>(Example OS 26[^<]*)</dd>", page.split("Impact:")[0])
    story.step("advisory_of_the_same_day", CVE in page and "17 March 2026" in page,
               "an advisory of the day, for people")
    story.step("four_available_for_lines", len(bases) == 4, "available for " + ", ".join(bases))
    csaf = json.loads(vendor.csaf("EXAMPLEOS-2026-0001"))
    story.step("machine_labels", "(a)" not in json.dumps(csaf["product_tree"]) and
               "26.3.1-a" in json.dumps(csaf), "programs read 26.3.1-a, which can be ordered")
    # what it looks at expires by the clock, and not by the time that things are made with
    checked = run(program("suture-publish"), "-C", below("repository"), "check", "--json", expect=(0, 6),
                  env=at(when))
    story.sizes["repository_bytes"] = sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(below("repository")) for name in names)
    story.step("repository_is_whole", checked.returncode == 0,
               "every signature, image and delta of the repository is good")


def main():
    shutil.rmtree(STORY, ignore_errors=True)
    os.makedirs(STORY)
    os.chmod(STORY, 0o755)
    story, vendor, owners = Story(), Vendor(), {}
    try:
        rehearse(story, vendor)
        owners = ship(story, vendor)
        release(story, vendor, owners)
        withdraw(story, vendor, owners)
        improve(story, vendor, owners)
        next_base(story, vendor, owners)
        look_at_the_desk(story, vendor)
    except Failed as error:
        story.step("everything_ran", False, str(error))
    finally:
        for owner in owners.values():
            owner.stop_browser()
    return story.end()


if __name__ == "__main__":
    sys.exit(main())
