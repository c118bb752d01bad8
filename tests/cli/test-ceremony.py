#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who signs in suture-publish, signatures by several people, and what an interruption leaves."""
import glob
import subprocess
import tarfile

from vendor import *

BASE_ROLE = "exampleos_26.3.1_x86_64"


def roles():
    return {role["role"]: role for role in told("keys")["roles"]}


def names(role):
    return [key["name"] for key in roles()[role]["keys"]]


def move_away(*keys, to="away"):
    os.makedirs(to, mode=0o700, exist_ok=True)
    for key in keys:
        os.rename(f"keys/{key}.pem", f"{to}/{key}.pem")


def make_key(name, folder="away"):
    done = run("suture-sign", "--keys", folder, "create", name)
    write(f"{name}.json", done.stdout)
    return json.loads(done.stdout)


def sign(folder, file, *more, **options):
    return run("suture-publish", "-C", "repo", "--keys", folder, "sign", file, *more, **options)


def waiting_file(role="root"):
    """A copy of what waits, as it would be carried."""
    [file] = [entry["file"] for entry in told("pending")["waiting"] if entry["role"] == role][:1]
    return shutil.copy(file, ".")


def unchanged(function, *trees):
    before = digests(*(trees or ("repo", "repo.work", "keys")))
    function()
    check_equal(digests(*(trees or ("repo", "repo.work", "keys"))), before, "what must not change")


def refuse(code, *words, verb=("keys",)):
    unchanged(lambda: one_line_error(publish(*verb, expect=code), *words))


# -- keys --

@test
def every_role_rotates_and_the_repository_stays_good():
    needs_root()
    rotated_repository()
    for role in "timestamp", "snapshot", "targets", BASE_ROLE, "seal":
        check_equal(names(role), [f"{role}-2"])
    check_equal(names("root"), ["root-4", "root-5", "root-6"])
    check_equal(roles()["root"]["version"], 7)
    check_equal(read("repo.work/device/root.json"), read("repo/metadata/7.root.json"))
    found = publish("keys").stdout
    check(hashlib.sha256(read("repo/metadata/7.root.json")).hexdigest() in found, found)
    check_equal(told("check")["images"], 1)


@test
def a_key_is_told_by_name_or_by_eight_digits():
    begin()
    keyid = roles()["root"]["keys"][1]["keyid"]
    refuse(3, "root has no key", "at least 8 digits", verb=("keys", "remove", "root", keyid[:7]))
    refuse(3, "root has no key targets-1", verb=("keys", "remove", "root", "targets-1"))
    publish("keys", "rotate", "root", keyid[:8])
    check_equal(names("root"), ["root-1", "root-3", "root-4"])
    publish("keys", "rotate", BASE_ROLE)  # a base's role by its own name too
    check_equal(names(BASE_ROLE), [f"{BASE_ROLE}-2"])


@test
def what_leaves_a_role_without_enough_keys_is_refused():
    begin()
    refuse(1, "targets would have 0 keys, and 1 of them must sign",
           verb=("keys", "remove", "targets", "targets-1"))
    refuse(1, "root would have 3 keys, and 4 of them", verb=("keys", "threshold", "root", "4"))
    refuse(1, "root has 3 keys: say which", verb=("keys", "rotate", "root"))
    refuse(1, "seal would have no key", verb=("keys", "remove", "seal", "seal-1"))
    refuse(1, "seal has no threshold", verb=("keys", "threshold", "seal", "1"))
    refuse(3, "there is no role nobody", verb=("keys", "add", "nobody"))
    refuse(64, "the forms are", verb=("keys", "add"))
    refuse(64, "the forms are", verb=("keys", "change", "root"))
    refuse(64, "from 1 to", verb=("keys", "threshold", "root", "0"))
    publish("keys", "remove", "root", "root-2")
    refuse(1, "root would have 1 keys, and 2 of them", verb=("keys", "remove", "root", "root-3"))
    check_equal(names("root"), ["root-1", "root-3"])


@test
def somebody_elses_key_is_taken_as_it_is_or_refused():
    begin()
    entry = make_key("dora")
    publish("keys", "add", "targets", "--public", "dora.json")
    check_equal(names("targets"), ["targets-1", "dora"])
    add = ("keys", "add", "targets", "--public")
    refuse(1, "targets has that key already", verb=(*add, "dora.json"))
    listed = dict(entry["key"], scheme="ed25519")
    for wrong in (dict(entry, keyid="0" * 64), dict(entry, more=1), dict(entry, name="\n"),
                  dict(entry, key=dict(listed, keytype="dsa")),
                  dict(entry, key=dict(listed, keyval={"public": "00"}))):
        write_json("wrong.json", wrong)
        refuse(6, "wrong.json", verb=(*add, "wrong.json"))
    write("wrong.json", "[]")
    refuse(6, "wrong.json", verb=(*add, "wrong.json"))
    refuse(3, "cannot read missing", verb=(*add, "missing"))


@test
def keys_of_other_types_are_passed_on():
    begin()
    run("/usr/bin/openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-out", "secret.pem")
    public = run("/usr/bin/openssl", "pkey", "-in", "secret.pem", "-pubout").stdout
    key = {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": public}}
    text = '{"keytype":"ecdsa","keyval":{"public":"' + public + \
        '"},"scheme":"ecdsa-sha2-nistp256"}'
    entry = {"name": "token", "keyid": hashlib.sha256(text.encode()).hexdigest(), "key": key}
    write_json("token.json", entry)
    publish("keys", "add", "root", "--public", "token.json")
    root = json.loads(read("repo/metadata/2.root.json"))["signed"]
    check_equal(root["keys"][entry["keyid"]], key)
    publish("check")
    refuse(1, "must be of type ed25519", verb=("keys", "add", "seal", "--public", "token.json"))


@test
def a_threshold_counts_for_everything_that_follows():
    begin()
    publish("keys", "add", "targets")
    publish("keys", "threshold", "targets", "2")
    envelope = json.loads(read(sorted(glob.glob("repo/metadata/*.targets.json"))[-1]))
    check_equal(len(envelope["signatures"]), 2)
    move_away("targets-2")
    publish("renew", "targets", expect=5)
    unchanged(lambda: publish("accept", waiting_file("targets"), expect=5), "repo")
    file = waiting_file("targets")
    sign("away", file)
    publish("accept", file)
    publish("check")


@test
def a_name_that_was_somebodys_is_not_used_again():
    begin()
    publish("keys", "rotate", "timestamp")
    os.unlink("keys/timestamp-1.pem")
    publish("keys", "rotate", "timestamp")
    check_equal(names("timestamp"), ["timestamp-3"])


@test
def snapshot_and_timestamp_are_for_resign_and_a_seal_for_nobody():
    begin()
    refuse(1, "suture-publish resign", verb=("renew", "snapshot"))
    refuse(1, "does not expire", verb=("renew", "seal"))
    refuse(3, "there is no role", verb=("renew", "root", "other"))


@test
def expiry_is_told_a_month_before_with_the_command():
    begin({"SOURCE_DATE_EPOCH": str(int(time.time()) - 340 * 86400)})
    done = publish("resign")
    lines = done.stderr.splitlines()
    check_equal([line.split("suture-publish renew ")[1] for line in lines],
                ["root", "targets", "small"])
    check_equal([e["renew"] for e in told("resign")["expiring"]], ["root", "targets", "small"])
    publish("renew", "root", "targets", "small")
    check_equal(publish("check").stderr, "")
    check_equal(told("check")["expiring"], [])


@test
def seals_of_a_base_go_by_its_own_list():
    needs_root()
    begin()
    write("base/usr/lib/suture/seal.conf", read("repo.work/device/seal.conf"))
    age("base", OLD_TIME)
    rebuild()
    publish("keys", "rotate", "seal")
    listed = read("repo.work/device/seal.conf").decode()
    check(listed not in read("base/usr/lib/suture/seal.conf").decode(), listed)
    create()
    publish("publish")
    publish("check")
    os.unlink("keys/seal-1.pem")
    write("new/usr/sbin/demod", b"newer program " * 1000, mode=0o755)
    create()
    one_line_error(publish("publish", expect=3), "there is no key seal-1 (", "in keys", "base small")


@test
def a_root_of_another_tool_is_looked_at_before_it_is_built_on():
    begin()
    body = json.loads(read("repo/metadata/1.root.json"))["signed"]
    body["version"] = 2
    body["roles"]["timestamp"]["keyids"].append(5)
    message = json.dumps(body, sort_keys=True, separators=(",", ":"))
    signatures = json.loads(run("suture-sign", "--keys", "keys", "sign", "root-1", "root-2",
                                input=message).stdout)
    write_json("repo/metadata/2.root.json", {"signatures": signatures, "signed": body})
    refuse(6, "root metadata does not say who signs the role timestamp")
    refuse(6, "root metadata does not say who signs", verb=("keys", "rotate", "timestamp"))


# -- ceremonies --

def begin_ceremony():
    """root-2 and root-3 are elsewhere, so whatever needs root waits."""
    begin()
    move_away("root-2")
    move_away("root-3", to="further")


@test
def a_fix_is_not_public_before_it_is_signed():
    needs_root()
    begin()
    rebuild()
    create()
    move_away(f"{BASE_ROLE}-1")
    before = digests("repo")
    out = publish("publish", expect=5).stdout
    check(f"{BASE_ROLE} 2 needs 1 more signature, of {BASE_ROLE}-1 (" in out, out)
    check("sign 2." in out and "suture-publish accept FILE" in out, out)
    check_equal(digests("repo"), before, "the repository")
    waiting = "'publish' waits for signatures"
    for verb in (["publish"], ["renew", "root"], ["keys", "add", "root"],
                 ["base", "add", "large", "--root", "base", "--os-release",
                  "base/usr/lib/os-release", "--architecture", "arm64"]):
        one_line_error(publish(*verb, expect=5), waiting, "suture-publish pending")
    one_line_error(create(expect=5), waiting)
    publish("check")
    publish("resign")
    check_equal(index()["improvements"], [])
    file = waiting_file(BASE_ROLE)
    sign("away", file)
    publish("accept", file)
    check_equal(index()["improvements"][0]["sequence"], 1)
    check_equal(sorted(os.listdir("repo.work")),
                ["advisories", "bases.json", "device", "drafts", "key-names.json", "made"])
    check_equal(os.listdir("repo.work/drafts"), [])
    publish("check")


@test
def what_is_abandoned_leaves_drafts_and_repository():
    needs_root()
    begin()
    rebuild()
    create()
    move_away(f"{BASE_ROLE}-1")
    before = digests("repo", "repo.work")
    publish("publish", expect=5)
    publish("abandon")
    check_equal(digests("repo", "repo.work"), before, "repository and work")
    for verb in "pending", "abandon":
        one_line_error(publish(verb, expect=2), "nothing waits")
    one_line_error(publish("accept", "fixes.json", expect=2), "nothing waits")
    os.rename(f"away/{BASE_ROLE}-1.pem", f"keys/{BASE_ROLE}-1.pem")
    publish("publish")
    publish("check")


@test
def what_waits_and_cannot_be_read_stops_neither_resign_nor_abandon():
    begin_ceremony()
    file = "repo.work/outbox/metadata/2.root.json"
    for code, damage in ((3, lambda: os.unlink(file)), (6, lambda: write(file, "{")),
                         (6, lambda: write("repo.work/outbox/note.json"))):
        publish("renew", "root", expect=5)
        damage()
        before = roles()["timestamp"]["version"]
        for verb in (["pending"], ["accept", "repo/metadata/1.root.json"], ["resign"]):
            one_line_error(publish(*verb, expect=code), "suture-publish abandon")
        check_equal(roles()["timestamp"]["version"], before + 1, "the timestamp goes on")
        one_line_error(publish("renew", "targets", expect=None), "suture-publish abandon")
        publish("abandon")
        publish("pending", expect=2)
        publish("check")


@test
def a_base_that_waits_is_known_when_it_is_published():
    begin()
    move_away("targets-1")
    make_base("second", "26.3.2")
    add_base("large", "second", expect=5)
    check_equal([base["name"] for base in json.loads(read("repo.work/bases.json"))["bases"]],
                ["small"])
    check_equal(told("pending")["change"], "base add large")
    file = waiting_file("targets")
    sign("away", file)
    publish("accept", file)
    check_equal([base["name"] for base in json.loads(read("repo.work/bases.json"))["bases"]],
                ["small", "large"])
    publish("check")


@test
def a_signer_sees_what_changes_and_needs_no_repository():
    begin_ceremony()
    old = roles()["root"]["keys"][0]["keyid"]
    publish("keys", "rotate", "root", "root-1", expect=5)
    file = waiting_file()
    before = read(file)
    shown = publish("show", file).stdout
    check_equal(read(file), before, "a file that is only shown")
    check(sign("away", file).stdout.startswith(shown), shown)
    write(file, before)
    os.makedirs("elsewhere")
    for name in file, "repo/metadata/1.root.json":
        shutil.copy(name, "elsewhere")
    os.rename("away", "elsewhere/stick")
    os.chdir("elsewhere")
    done = run("suture-publish", "--keys", "stick", "--against", "1.root.json", "sign", "2.root.json")
    lines = done.stdout.splitlines()
    check(f'  - "roles" "root" "keyids": "{old}"' in lines, done.stdout)
    check('  + "version": 2' in lines and "Signed with root-2" in lines, done.stdout)
    check(not any("targets" in line for line in lines), done.stdout)
    one_line_error(run("suture-publish", "--keys", "stick", "sign", "2.root.json", expect=3),
                   "no key that 2.root.json still asks for")
    whole = run("suture-publish", "--keys", "stick", "--json", "sign", "2.root.json", "root-2")
    check(any('"targets"' in line for line in json.loads(whole.stdout)["changes"]), whole.stdout)


@test
def another_order_of_delegated_roles_is_shown():
    def compared(*names):
        body = {"_type": "targets", "roles": [{"name": name, "keyids": ["k"]} for name in names]}
        write("new.json", json.dumps({"signatures": [], "signed": body}))
        return run("suture-publish", "--keys", "away", "--against", "old.json", "sign", "new.json",
                   "me").stdout.splitlines()[1:-1]

    make_key("me")
    write("old.json", json.dumps({"signatures": [], "signed": {
        "_type": "targets", "roles": [{"name": name, "keyids": ["k"]} for name in "abc"]}}))
    check_equal(compared(*"abc"), [])
    check_equal(compared(*"xabc"), ['  + "roles" "x" "name": "x"', '  + "roles" "x" "keyids": "k"'])
    [line] = compared(*"bac")
    check(line.startswith("  ~ ") and "order" in line, line)
    check_equal(compared(*"cxab")[-1], line)


@test
def what_lies_on_the_stick_is_compared_with_when_it_is_named_only():
    begin_ceremony()
    publish("keys", "rotate", "root", "root-1", expect=5)
    file = waiting_file()
    write("metadata/1.root.json", read(file))
    for file in file, f"./{file}":
        out = run("suture-publish", "--keys", "away", "sign", file, "root-2").stdout
        check('  + "_type": "root"' in out.splitlines(), out)
    out = run("suture-publish", "-C", ".", "--keys", "away", "sign", file, "root-2").stdout
    check("compared with ./metadata/1.root.json" in out, out)


@test
def what_a_file_hides_is_shown():
    write("x.json", json.dumps({"signatures": [], "signed": {
        "_type": "targets", "a\nb": "c\u202ed", "list": [{"name": "n", "x": [1, {"y": {}}]}]}}))
    make_key("me")
    out = run("suture-publish", "--keys", "away", "sign", "x.json", "me").stdout
    for line in ('  + "a\\nb": "c\\u202Ed"', '  + "list" "n" "x": 1', '  + "list" "n" "x" "y": {}'):
        check(line in out.split("\n"), out)
    for wrong in "[]", "{}", '{"signatures": [], "signed": {"x": 1.5}}', '{"signed": {}}':
        write("x.json", wrong)
        one_line_error(run("suture-publish", "--keys", "away", "sign", "x.json", "me", expect=6,
                           env={"LC_ALL": "C"}))


@test
def what_is_too_much_to_be_shown_is_not_signed():
    make_key("me")
    write("x.json", json.dumps({"signatures": [], "signed": {"n" * 100000: list(range(1000))}}))
    done = run("suture-publish", "--keys", "away", "sign", "x.json", "me", expect=1)
    one_line_error(done, "x.json: there is too much in it to be shown")


@test
def a_root_whose_keys_are_none_is_refused():
    make_key("me")
    for keyids in [1], [None], ["k"] * 257:
        body = {"_type": "root", "keys": {}, "roles": {"root": {"keyids": keyids, "threshold": 1}}}
        write("x.json", json.dumps({"signatures": [{"keyid": "k", "sig": ""}], "signed": body}))
        one_line_error(run("suture-publish", "--keys", "away", "sign", "x.json", "me", expect=6),
                       "x.json: its list of the keys of root is malformed")


@test
def names_of_keys_that_are_none_are_refused():
    begin()
    for names in {"aa": 5}, {"aa": None}:
        write_json("repo.work/key-names.json", names)
        refuse(6, "key-names.json: not a list of keyids and names", verb=("keys", "add", "root"))


@test
def only_good_signatures_by_those_who_may_are_accepted():
    begin_ceremony()
    publish("keys", "rotate", "root", "root-1", expect=5)
    file = waiting_file()
    asked = json.loads(read(file))
    make_key("stranger")

    def refuse_copy(change, *words):
        copy = json.loads(json.dumps(asked))
        change(copy)
        write_json("copy.json", copy)
        unchanged(lambda: one_line_error(publish("accept", "copy.json", expect=6), "copy.json", *words))

    sign("away", file)
    good = [s for s in json.loads(read(file))["signatures"] if s["sig"]]
    sign("away", file, "stranger")
    stranger = json.loads(read(file))["signatures"][-1]
    refuse_copy(lambda c: c["signed"].update(version=3), "not a copy")
    refuse_copy(lambda c: c["signed"].update(more=1), "not a copy")
    refuse_copy(lambda c: c["signatures"].append(stranger), "may not sign")
    refuse_copy(lambda c: c["signatures"].append(dict(good[-1], sig="0" * 128)), "not good")
    refuse_copy(lambda c: c["signatures"].append({"sig": "00"}), "malformed")
    refuse_copy(lambda c: c["signatures"].append(dict(good[-1], keyid=stranger["keyid"])),
                "may not sign")
    refuse_copy(lambda c: c["signatures"].extend([good[-1]] * 300), "too many")
    second = roles()["root"]["keys"][1]["keyid"]  # with root-1 for the old root, root-4 for the new
    write_json("copy.json", dict(asked, signatures=[s for s in good if s["keyid"] == second] * 2))
    publish("accept", "copy.json")
    root = json.loads(read("repo/metadata/2.root.json"))
    check_equal(len({s["keyid"] for s in root["signatures"]}), len(root["signatures"]))
    check(all(s["sig"] for s in root["signatures"]), "an empty signature was published")
    publish("check")


@test
def signatures_come_one_at_a_time_in_any_order():
    begin_ceremony()
    move_away("root-1", to="third")
    publish("keys", "threshold", "root", "3", expect=5)
    for folder in "further", "away":
        file = waiting_file()
        sign(folder, file)
        publish("accept", file, expect=5)
    [left] = told("pending")["waiting"]
    check_equal((left["missing"], [key["name"] for key in left["keys"]]), (1, ["root-1"]))
    file = waiting_file()
    sign("third", file)
    out = publish("accept", file).stdout
    check(hashlib.sha256(read("repo/metadata/2.root.json")).hexdigest() in out, out)
    publish("check")


@test
def what_lacks_the_online_keys_only_is_finished_by_resign():
    begin()
    move_away("timestamp-1", "snapshot-1")
    out = publish("renew", "targets", expect=5).stdout
    check("suture-publish resign" in out, out)
    check_equal(told("pending")["waiting"], [])
    one_line_error(publish("resign", expect=3), "no key timestamp-1 (", "'keys rotate timestamp'")
    done = run("suture-publish", "-C", "repo", "--keys", "away", "resign")
    check("Published what waited: renew targets" in done.stdout, done.stdout)
    publish("check")


@test
def every_verb_answers_in_json():
    begin()
    check_equal(told("pending", expect=2), {"schema": 1, "change": None, "waiting": []})
    check_equal([r["role"] for r in told("renew", "small", "targets")["published"]],
                [BASE_ROLE, "targets"])
    made = told("keys", "rotate", "timestamp")
    check_equal((made["published"], made["added"]["name"]),
                ([{"role": "root", "version": 2}], "timestamp-2"))
    check_equal(made["root_sha256"], told("keys")["root_sha256"])
    check_equal(told("keys", "rotate", "seal")["added"]["name"], "seal-2")
    check_equal(told("bundle", "--base", "small", "x.tar")["files"], 7)
    move_away("root-2", "root-3")
    asked = told("keys", "add", "root", expect=5)
    check_equal((asked["change"], asked["waiting"][0]["missing"]), ("keys add root", 1))
    check_equal(told("pending"), asked)
    told("abandon")
    told("keys", "add", "root", expect=5)
    file = waiting_file()
    shown = told("show", file)
    check("signed_by" not in shown and shown["changes"], shown)
    check_equal(json.loads(sign("away", file, "--json").stdout)["signed_by"], ["root-2", "root-3"])
    check_equal(told("accept", file)["published"], "keys add root")
    for answer in (told("resign"), told("check"), made, asked):
        check_equal(answer["schema"], 1)


# -- interruptions --

def state(folder="repo"):
    """What a device that starts from the first root makes of the folder, read as it lies there."""
    shutil.rmtree("view", ignore_errors=True)
    shutil.rmtree("view.work", ignore_errors=True)
    shutil.copytree(folder, "view")
    shutil.copytree("first.work", "view.work")
    done = run("suture-publish", "-C", "view", "--keys", "keys", "--json", "keys", expect=None)
    return done.returncode == 0 and json.loads(done.stdout)["roles"]


def versions(found):
    return [role.get("version") for role in found]


def killed_at(call, number, *args):
    done = subprocess.run(
        ["/usr/bin/strace", "-o", "/dev/null", "-e", f"trace={call}", "-e",
         f"inject={call}:signal=KILL:when={number}", program("suture-publish"), "-C", "repo",
         "--keys", "keys", *args], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))  # which needs to trace, too
    check(number < 100, "there is no end of it")
    if "ptrace" in done.stderr:
        skip("nothing can be traced here")
    return done.returncode != 0


def sweep(call, *args):
    """Kills a change at each of these calls. Devices see the old state or the new one at every point
    but the one between a new root and its timestamp; the next run finishes or drops the change."""
    for name in "repo", "repo.work", "keys":
        shutil.copytree(name, f"{name}.saved")
    shutil.copytree("repo.work", "first.work")
    old = versions(state())
    between, number = 0, 1
    while killed_at(call, number, *args):
        seen = state()
        between += not seen
        publish("resign")
        after = state()
        check(after, f"not good after {call} {number}")
        check(not seen or versions(seen)[1] in (old[1], versions(after)[1]), "neither old nor new")
        drafts = glob.glob("repo.work/drafts/*/*")
        left = [name for name in os.listdir("repo.work") if name.startswith("outbox")]
        if args == ("publish",):  # the drafts go when they are public, and not before
            check_equal(not drafts, versions(after) != old, f"after {call} {number}")
        if left:
            check_equal(left, ["outbox"])
            publish("abandon")
        publish("check")
        for name in "repo", "repo.work", "keys":
            shutil.rmtree(name)
            shutil.copytree(f"{name}.saved", name)
        number += 1
    check(number > 3, f"{call} was called {number - 1} times")
    check(versions(state()) != old, "nothing changed")
    for name in "repo.saved", "repo.work.saved", "keys.saved", "first.work":
        shutil.rmtree(name)
    return between


@test
def killed_at_any_rename_the_next_run_goes_on():
    begin()
    check(sweep("renameat", "keys", "rotate", "timestamp") <= 1, "more than one bad moment")
    check_equal(sweep("renameat", "keys", "rotate", "small"), 0)


@test
def killed_while_it_cleans_up_the_next_run_goes_on():
    needs_root()
    begin()
    rebuild()
    create()
    check_equal(sweep("unlinkat", "publish"), 0)
    check_equal(index()["improvements"][0]["sequence"], 1)
    one_line_error(publish("publish", expect=2), "nothing to publish")
    publish("check")


@test
def killed_at_its_beginning_it_is_begun_again():
    make_base()
    for number in range(1, 40, 3):
        for name in "repo", "repo.work", "keys":
            shutil.rmtree(name, ignore_errors=True)
        killed = killed_at("renameat", number, "init")
        done = publish("init", expect=None)
        check(done.returncode == 0 or "already" in done.stderr, done.stderr)
        check_equal(read("repo.work/device/root.json"), read("repo/metadata/1.root.json"))
        publish("check")
        check(not glob.glob("repo.work/outbox*"), os.listdir("repo.work"))
        if not killed:
            break
    check(number > 4 and not killed, f"killed {number} times")


@test
def what_was_changed_in_the_outbox_is_not_published():
    begin_ceremony()
    publish("keys", "rotate", "root", "root-1", expect=5)
    [entry] = told("pending")["waiting"][:1]
    envelope = json.loads(read(entry["file"]))
    before = digests("repo")
    envelope["signed"]["expires"] = "2099-01-01T00:00:00Z"
    write_json(entry["file"], envelope)
    sign("away", entry["file"])  # one good signature; those made before are not good any more
    publish("accept", entry["file"], expect=6)
    envelope["signed"]["version"] = 7
    write_json(entry["file"], envelope)
    one_line_error(publish("pending", expect=6), "not of the version", "abandon")
    check_equal(digests("repo"), before, "the repository")
    publish("abandon")


# -- bundles --

@test
def a_bundle_has_all_that_a_base_needs():
    needs_root()
    begin()
    rebuild()
    create()
    publish("publish")
    publish("keys", "rotate", "root", "root-1")
    publish("bundle", "--base", "small", "one.tar")
    publish("bundle", "--base", "small", "two.tar")
    check_equal(read("one.tar"), read("two.tar"))
    check_equal(read("one.tar")[257:265], b"ustar\x0000")
    with tarfile.open("one.tar") as bundle:
        members = bundle.getmembers()
        check_equal([m.name for m in members], sorted(m.name for m in members))
        check_equal({(m.mode, m.uid, m.gid, m.uname, m.gname, m.type, len(m.pax_headers))
                     for m in members}, {(0o644, 0, 0, "", "", tarfile.REGTYPE, 0)})
        check_equal(len({m.mtime for m in members}), 1)
        check(abs(members[0].mtime - time.time()) < 600, members[0].mtime)
        bundle.extractall("carried")
    check("metadata/1.root.json" in [m.name for m in members], members)
    publish("bundle", "--base", "small", "three.tar", env={"SOURCE_DATE_EPOCH": "1790000000"})
    with tarfile.open("three.tar") as bundle:
        check_equal({m.mtime for m in bundle.getmembers()}, {1790000000})
    for place, _, files in os.walk("carried"):
        for name in files:
            path = os.path.join(place, name)
            check_equal(read(path), read(path.replace("carried", "repo", 1)))
    shutil.copytree("repo.work", "carried.work")
    counts = json.loads(run("suture-publish", "-C", "carried", "--keys", "keys", "--json",
                            "check").stdout)
    check_equal(counts["images"], 1)


@test
def a_bundle_that_does_not_fit_says_so_and_leaves_nothing():
    begin()
    command = 'trap "" XFSZ; ulimit -f 2; exec "$0" "$@"'
    done = run("/bin/sh", "-c", command, program("suture-publish"), "-C", "repo", "--keys", "keys",
               "bundle", "--base", "small", "x.tar", expect=1)
    one_line_error(done, "cannot write ", ": File too large")
    check(not os.path.exists("x.tar"), "half a bundle")


@test
def a_bundle_may_hold_one_improvement():
    needs_root()
    begin()
    rebuild()
    create()
    publish("publish")
    write("new/usr/lib/demo/data", "newest data\n")
    age("new", NEW_TIME)
    create()
    publish("publish")
    sizes = {}
    for number in 0, 1, 2:
        publish("bundle", "--base", "small", "--sequence", number, "x.tar")
        with tarfile.open("x.tar") as bundle:
            sizes[number] = {n for n in bundle.getnames() if n.startswith("blobs/")}
    check(sizes[1] < sizes[0] and sizes[2] < sizes[0], sizes)
    check_equal(sizes[1] | sizes[2], sizes[0])
    one_line_error(publish("bundle", "--base", "small", "--sequence", "3", "y.tar", expect=3),
                   "no improvement with the sequence 3")
    one_line_error(publish("bundle", "--base", "other", "y.tar", expect=3), "other")
    publish("bundle", "y.tar", expect=64)
    check(not os.path.exists("y.tar"), "a bundle of nothing")
    late = {"SOURCE_DATE_EPOCH": str(int(time.time()) + 8 * 86400)}
    one_line_error(publish("bundle", "--base", "small", "y.tar", env=late, expect=6), "expired")


main()
