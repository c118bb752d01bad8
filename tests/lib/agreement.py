# SPDX-License-Identifier: Apache-2.0
"""One truth everywhere: what each place says of a device, compared with each other and with the bytes
that are really there.

    status = device.json("status")
    differences = [*screen(device, status), *bus(client, status), *facts(device, status), ...]

Each gives sentences of what disagrees with the object of `suture status --json`; none when all is
well. The rules here are written from the manual and api/, not from the programs.
"""
import calendar
import hashlib
import json
import os
import re
import time

from owner import *

METRICS = "var/lib/prometheus/node-exporter"
HEALTH = {"healthy": "healthy", "trial": "on trial", "impaired": "not whole"}
RESTARTS = ("soft-reboot", "reboot")


def differ(what, said, wanted):
    if said != wanted:
        yield f"{what}: {tap.shown(said, 300)}, status has {tap.shown(wanted, 300)}"


def short(label):
    """"(a)" of "26.3.1 (a)"."""
    return label.partition(" ")[2]


def microseconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) * 1_000_000 if text else 0


def waits_for_restart(status):
    return status["restart_needed"] in RESTARTS


def rows_of(text):
    """{label: [what stands behind it]} of a screen off a terminal."""
    rows = {}
    for line in text.splitlines()[1:]:
        found = re.match(r"[●*]? *([A-Z][a-z ]+): (.*)", line)
        if found:
            rows.setdefault(found[1], []).append(found[2])
    return rows


def applied_row(status):
    if status["sequence"] == 0:
        return "nothing, this is the base"
    if not status["components"]:
        return f"{status['label']}, which brings nothing to graft"
    return f"{status['label']}.* {HEALTH[status['health']]}, {len(status['components'])} component"


def screen(device, status):
    text = device.suture("status").stdout
    rows, offer, checks = rows_of(text), status["offer"], status["checks"]
    title = text.splitlines()[0]
    yield from differ("screen's title", title.startswith(f"{status['product']} {status['label']}"), True)
    yield from differ("screen's restart", f"restart needed for {status['selected_label']}" in title,
                      waits_for_restart(status))
    applied = rows["Applied"][0]
    if not re.match(applied_row(status).replace("(", r"\(").replace(")", r"\)"), applied):
        yield f"screen has Applied: {applied}, status {status['label']}, {status['health']}"
    is_selected = status["selected"] not in (0, status["sequence"])
    is_offered = offer["state"] != "none"
    told = {
        "Staged": waits_for_restart(status) or (
            is_selected and status["health"] != "impaired"),
        "Selected": is_selected and status["health"] == "impaired",
        "Available": offer["state"] == "available",
        "Offered": is_offered and offer["state"] != "available",
        "Withdrawn": bool(status["withdrawn"]),
        "Owed": bool(status["owed"]),
        "Trial": bool(status["trial"]),
        "Reverted": bool(status["reverted"]),
        "Paused": "paused" in status["activation"],
        "Not fresh": bool(checks["expires"]) and not checks["fresh"],
        "Problem": bool(checks["problem"]) or "problem" in status["activation"],
    }
    for label, is_told in told.items():
        yield from differ(f"screen has {label}", label in rows, is_told)
    for label, of in (("Available", offer.get("label")), ("Offered", offer.get("label")),
                      ("Staged", status["selected_label"]), ("Selected", status["selected_label"])):
        if label in rows:
            yield from differ(f"screen's {label}", rows[label][0].startswith(of or "nothing"), True)
    yield from differ("screen's Waits", rows.get("Waits", []), [why["text"] for why in status["deferred"]])
    yield from differ("screen's Automatic", re.match(r"[a-z]+", rows["Automatic"][0])[0],
                      status["automatic"])


def bus(client, status):
    """The properties, before anybody has made the agent look again."""
    said, offer, policy = client.get(), status["offer"], status["policy"]
    wanted = {
        "State": status["state"], "Product": status["product"], "BaseVersion": status["version"],
        "Sequence": status["sequence"], "Label": short(status["label"]),
        "DisplayVersion": status["label"], "AvailableSequence": offer.get("sequence", 0),
        "AvailableLabel": short(offer.get("label", "")), "AvailableState": offer["state"],
        "RestartNeeded": status["restart_needed"], "AutomaticMode": status["automatic"],
        "AutomaticModeManaged": policy["automatic_managed"],
        "ManualInstallAllowed": policy["install_allowed"],
        "RemovalAllowed": policy["removal_allowed"], "ManagedBy": policy["organisation"] or "",
        "DeferredReasons": [why["reason"] for why in status["deferred"]],
        "PostponedUntilUSec": microseconds(policy["postponed_until"]),
        "DeadlineUSec": microseconds((policy["enforcement"] or {}).get("deadline")),
        "LastCheckUSec": microseconds(status["last_check"]),
        "PendingSequence": status["selected"] if waits_for_restart(status) else 0,
        "PendingLabel": short(status["selected_label"]) if waits_for_restart(status) else ""}
    for name, value in wanted.items():
        yield from differ(f"bus' {name}", said[name], value)
    if status["next_check"]:
        yield from differ("bus' NextCheckUSec", said["NextCheckUSec"], microseconds(status["next_check"]))
    problem = status["checks"]["problem"]
    if problem:
        yield from differ("bus' LastError", bool(said["LastError"][0]), True)


def no_error(client):
    """After somebody has asked the repository with success."""
    yield from differ("bus' LastError", client.get("LastError"), ["", ""])


def described(client, status):
    yield from differ("Describe", without_times(json.loads(client.call("Describe")[0])),
                      without_times(status))


def without_times(status):
    """Without what is another a second later."""
    status = json.loads(json.dumps(status))
    if status["trial"]:
        for name in "seconds_left", "until":
            status["trial"].pop(name, None)
    return status


def happened(device, client):
    """The history, which the bus has the other way round."""
    entries = [(entry["event"], entry["sequence"], entry["generation"], entry["text"],
                microseconds(entry["time"])) for entry in device.json("history")["history"]]
    told = [(event["Event"], event["Sequence"], event["Generation"], event["Text"], event["Time"])
            for event in client.call("GetHistory", "u", 0)[0]]
    yield from differ("GetHistory", told, entries[::-1])


def advisories(device, client, status):
    shown = device.suture("advisories", "--format", "json").stdout
    for format, text in ("json", shown), ("text", device.suture("advisories").stdout):
        yield from differ(f"GetAdvisories, {format}", client.call("GetAdvisories", "ss", "", format)[0], text)
    listed = json.loads(shown)["improvements"]
    for each in listed:
        sequence, state = each["sequence"], each["state"]
        if state == "applied" or sequence == status["sequence"]:
            yield from differ(f"advisories: {state}", sequence, status["sequence"])
        yield from differ(f"advisories: ({sequence}) is selected", each["selected"],
                          sequence == status["selected"])
    offered = status["offer"].get("sequence")  # newer ones may be rolled out to others
    if offered:
        yield from differ("advisories lack what is offered", offered in [each["sequence"] for each in listed], True)
    for of in "sequence", "selected":
        yield from differ(f"advisories lack what is {of}",
                          status[of] == 0 or status[of] in [each["sequence"] for each in listed], True)


def text_of(device, path):
    """"" where there is no such file."""
    return read(device.path(path)).decode() if os.path.exists(device.path(path)) else ""


def login_message(status):
    waits = ""
    if waits_for_restart(status):
        waits = f"; {status['selected_label']} waits for a restart of the system"
    elif status["offer"]["state"] == "available":
        waits = f"; {status['offer']['label']} is available"
    return f"{status['name']} {status['label']}{waits}\n" if waits or status["sequence"] else ""


def facts(device, status):
    """Files for the rest of the system: suture-facts(7)."""
    release = dict(re.findall(r'^(PATCH_[A-Z_]+)="?(.*?)"?$', text_of(device, "run/suture/patch-release"), re.M))
    yield from differ("patch-release's sequence", int(release.get("PATCH_SEQUENCE", 0)), status["sequence"])
    if release:
        yield from differ("patch-release's label", release["PATCH_PRETTY_VERSION"], status["label"])
        yield from differ("patch-release's fixes", release.get("PATCH_FIXES", "").split(), status["fixes"])
    for path in "run/motd.d/50-suture", "run/issue.d/50-suture.issue":
        yield from differ(path, text_of(device, path), login_message(status))
    waits = waits_for_restart(status)
    yield from differ("reboot-required", bool(text_of(device, "run/reboot-required")), waits)
    yield from differ("reboot-required.pkgs", "suture" in text_of(device, "run/reboot-required.pkgs"), waits)
    yield from differ("reboot-needed", text_of(device, "run/reboot-needed"), "reboot\n" if waits else "")
    yield from metrics(device, status)


def metrics(device, status):
    text = text_of(device, f"{METRICS}/suture.prom")
    values = {name: int(value) for name, value in re.findall(r"^([a-z_]+)(?:\{.*\})? (\d+)$", text, re.M)}
    labels = dict(re.findall(r'([a-z]+)="([^"]*)"', text))
    offer, fixed = status["offer"], set(status["fixes"])
    known = set(status["selected_fixes"]) | set(offer.get("cves", ()))
    wanted = {"sequence": status["sequence"],
              "available_sequence": offer["sequence"] if offer["state"] == "available" else 0,
              "restart_required": int(waits_for_restart(status)),
              "trial": int(bool(status["trial"])),
              "open_cves": len(known - fixed), "check_failures": status["checks"]["failures"],
              "last_check_timestamp_seconds": microseconds(status["last_check"]) // 1_000_000}
    for name, value in wanted.items():
        yield from differ(f"metrics' {name}", values.get(f"suture_{name}"), value)
    yield from differ("metrics' label", labels.get("label"), status["label"])


def decided(device, status):
    for of, said, wanted in (
            ("automatic", device.json("automatic")["automatic"], status["automatic"]),
            ("postpone", device.json("postpone")["until"], status["policy"]["postponed_until"]),
            ("policy's mistakes", device.json("policy")["mistakes"], status["policy"]["mistakes"])):
        yield from differ(of, said, wanted)


def files(device, status, digests):
    """What `suture files` lists, by the digests that the vendor signed."""
    if not status["components"]:
        return
    listed = device.json("files", "--digests")
    yield from differ("files' sequence", listed["sequence"], status["sequence"])
    for file in listed["files"]:
        if digests.get(file["path"].lstrip("/")) != file["sha256"]:
            yield f"files lists {file['path']} {file['sha256']}, {status['label']} has another"


def exposure(device, status):
    """It is about the newest that is known, which may be rolled out to others yet."""
    said = device.json("exposure")
    if said["sequence"] and said["state"] == "offered":
        yield from differ("exposure's offered one is older than the offer",
                          said["sequence"] < status["offer"].get("sequence", 0), False)
    elif said["sequence"]:
        of = "sequence" if said["state"] == "applied" else "selected"
        yield from differ(f"exposure's {said['state']} one", said["sequence"], status[of])


def page(shown, status):
    """What the page of Cockpit shows of it, as it is read: every place, None where nothing is seen."""
    installed, nothing, offered, none, restart, remove, current = [
        shown.read(selectors=[place])[0] for place in (
            "#installed-version", "#installed-nothing", "#offer-title", "#offer-none", "#restart", "#remove",
            "#current-version")]
    waits, offer = waits_for_restart(status), status["offer"]
    title = status["selected_label"] if waits and status["selected"] >= offer.get("sequence", 0) \
        else offer.get("label")
    yield from differ("page's version", status["label"] in (current or "nothing"), True)
    yield from differ("page's installed", installed, status["label"] if status["sequence"] else None)
    yield from differ("page has nothing installed", nothing is not None, not status["sequence"])
    yield from differ("page's offer", offered, title)
    yield from differ("page offers nothing", none is not None, title is None)
    yield from differ("page asks for a restart", restart is not None, waits)
    yield from differ("page can remove", remove is not None, bool(status["sequence"] or status["selected"]))
    yield from differ("page's switch", shown.checked(selector="#automatic"), status["automatic"] == "install")


def mounts(device, status, files):
    """`files`: path → SHA-256 that the sequence of the status has, where nobody covers them. What is
    disturbed says so, and no more can be asked of it."""
    if status["health"] == "impaired":
        return
    for path, digest in files.items():
        if hashlib.sha256(read(device.path(path))).hexdigest() != digest:
            yield f"/{path} has other bytes than {status['label']}"
