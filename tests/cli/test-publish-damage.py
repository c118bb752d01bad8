#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""suture-publish where something is not as it should be: keys, locks, damage, expiry."""
import calendar
import fcntl
import stat

from vendor import *


@test
def keys_that_others_may_read_stop_everything():
    begin()
    rebuild()
    before = digests("repo", "repo.work")
    os.chmod("keys/root-1.pem", 0o644)
    for args in (["publish"], ["resign"], ["base", "add", "large", "--root", "base",
                 "--os-release", "base/usr/lib/os-release", "--architecture", "arm64"]):
        one_line_error(publish(*args, expect=4), "keys/root-1.pem", "chmod 600")
    check_equal(digests("repo", "repo.work"), before, "repository and work")


@test
def a_missing_key_is_named():
    needs_root()
    begin()
    rebuild()
    create()
    os.unlink("keys/seal-1.pem")
    before = digests("repo/metadata", "repo/targets")
    one_line_error(publish("publish", expect=3), "there is no key seal-1 (", "in keys")
    check_equal(digests("repo/metadata", "repo/targets"), before, "repository")


@test
def init_is_refused_where_a_repository_was():
    begin()
    os.rename("repo", "lost")
    before = digests("repo.work", "keys")
    one_line_error(publish("init", expect=1), "not in", "any more", "bring it back")
    check_equal(digests("repo.work", "keys"), before, "what the publisher has left")
    os.rmdir("repo")
    os.rename("lost", "repo")
    publish("check")


@test
def init_is_done_once():
    begin()
    before = digests("repo", "repo.work", "keys")
    one_line_error(publish("init", expect=1), "there is a repository in", "already")
    check_equal(digests("repo", "repo.work", "keys"), before, "repository, work and keys")


@test
def one_publisher_at_a_time():
    needs_root()
    begin()
    rebuild()
    create()
    before = digests("repo", "repo.work")
    lock = os.open("repo.work", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    for args in (["publish"], ["resign"], ["prune"], ["init"]):
        one_line_error(publish(*args, expect=5), "another suture-publish is working on")
    publish("check")
    one_line_error(create(expect=5), "another suture-publish")
    check_equal(digests("repo", "repo.work"), before, "repository and work")
    os.close(lock)
    publish("publish")


def spoil(path, how):
    data = read(path)
    if how == "flip":
        write(path, data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
    elif how == "longer":
        write(path, data + b" ")
    elif how == "shorter":
        write(path, data[:-1])
    else:
        os.unlink(path)


def newest(role):
    names = [n for n in os.listdir("repo/metadata") if n.endswith(f".{role}.json")]
    return "repo/metadata/" + max(names, key=lambda n: int(n.split(".")[0]))


@test
def a_fix_is_nobodys_business_before_it_is_public():
    needs_root()
    begin()
    rebuild()
    create()
    for name in "drafts", "blobs":
        check_equal(stat.S_IMODE(os.stat(f"repo.work/{name}").st_mode), 0o700, name)
    publish("publish")
    for folder, _, files in os.walk("repo"):
        check_equal(stat.S_IMODE(os.stat(folder).st_mode), 0o755, folder)
        for name in files:
            check_equal(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o644, name)


@test
def damage_is_found_and_never_built_on():
    needs_root()
    begin()
    rebuild()
    release()
    shutil.rmtree("new")
    rebuild(change=False)
    write("new/usr/lib/net/resolver", "new resolver\n")
    create(component="net")
    image = index()["improvements"][0]["images"][0]
    folder = "repo/targets/exampleos/26.3.1_x86_64/public"
    listed = index()
    index_file = [f"{folder}/{n}" for n in os.listdir(folder)
                  if json.loads(read(f"{folder}/{n}")) == listed][0]
    paths = [newest("targets"), newest("snapshot"), newest("exampleos_26.3.1_x86_64"),
             index_file, blob(image["payloads"][-1]["sha256"])]
    shutil.copytree("repo", "good")
    for path in paths:
        for how in ("flip", "longer", "shorter", "unlink"):
            if how in ("longer", "shorter") and "metadata" in path:
                continue  # white space behind JSON is not signed and means nothing
            spoil(path, how)
            before = digests("repo/metadata", "repo/targets")
            for verb in ("check", "publish"):
                done = publish(verb, expect=None)
                check_equal(done.returncode, 6, f"{verb} with {path}: {how}")
                one_line_error(done)
                if "metadata" not in path:
                    one_line_error(done, path, "bring it back from a copy")
            check_equal(digests("repo/metadata", "repo/targets"), before, "the repository")
            shutil.rmtree("repo")
            shutil.copytree("good", "repo")
    publish("check")
    publish("publish")
    publish("check")


@test
def notes_are_checked_too():
    needs_root()
    begin()
    rebuild()
    release()
    path = blob(index()["improvements"][0]["notes"]["sha256"])
    spoil(path, "flip")
    one_line_error(publish("check", expect=6), path, "is damaged")


@test
def a_seal_by_another_key_is_found():
    needs_root()
    begin()
    rebuild()
    release()
    write("repo.work/device/seal.conf", "seal required\nkey " + "1" * 64 + "\n")
    one_line_error(publish("check", expect=6), "the seal of component demo is not good")


@test
def an_expired_repository_fails_the_check_and_may_be_renewed():
    needs_root()
    begin(EPOCH)  # a timestamp is good for a week
    rebuild()
    one_line_error(publish("check", expect=6), "timestamp metadata expired on", "must renew it")
    release()
    publish("check")


def only_keys(*roles):
    os.makedirs("few-keys", mode=0o700)
    for role in roles:
        shutil.copy2(f"keys/{role}-1.pem", "few-keys")
    return lambda *args, **more: run("suture-publish", "-C", "repo", "--keys", "few-keys", *args,
                                     **more)


@test
def an_expiring_repository_is_signed_anew_without_its_targets():
    needs_root()
    begin(EPOCH)
    rebuild()
    release(env=EPOCH)
    create()
    before = digests("repo", "repo.work")
    one_line_error(publish("check", expect=6), "timestamp metadata expired on", "must renew it")
    old = {role: json.loads(read(path))["signed"]["version"] for role, path in
           (("snapshot", newest("snapshot")), ("timestamp", "repo/metadata/timestamp.json"))}
    limited = only_keys("snapshot", "timestamp")
    out = limited("resign").stdout.splitlines()
    publish("check")
    soon = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 86400 - 3600))
    check(out[0].startswith(f"Signed snapshot {old['snapshot'] + 1}, good until "), out)
    check(out[1].startswith(f"Signed timestamp {old['timestamp'] + 1}, good until "), out)
    check(out[1].split()[-1] >= soon, out)
    after = digests("repo", "repo.work")
    changed = sorted(path for path in after if after[path] != before.get(path))
    check_equal(changed, [newest("snapshot"), "repo/metadata/timestamp.json"])
    check_equal(set(before) - set(after), set())
    signed = json.loads(limited("--json", "resign").stdout)["signed"]
    # the snapshot is fresh: a device that asks tomorrow gets a new timestamp and nothing else
    check_equal([(s["role"], s["version"]) for s in signed], [("timestamp", old["timestamp"] + 2)])
    timestamp = json.loads(read("repo/metadata/timestamp.json"))["signed"]
    check_equal(signed[0]["expires"], timestamp["expires"])
    issued = calendar.timegm(time.strptime(timestamp["x-suture-issued"], "%Y-%m-%dT%H:%M:%SZ"))
    check(abs(time.time() - issued) < 300, timestamp)
    publish("publish")  # the draft waited
    publish("check")


@test
def what_cannot_be_signed_anew_is_told():
    begin()
    before = digests("repo", "repo.work")
    limited = only_keys("snapshot")
    lock = os.open("repo.work", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    one_line_error(limited("resign", expect=5), "another suture-publish is working on")
    check_equal(digests("repo", "repo.work"), before, "repository and work")
    os.close(lock)
    timestamp = read("repo/metadata/timestamp.json")
    one_line_error(limited("resign", expect=3), "there is no key timestamp-1 (",
                   "in few-keys")
    check_equal(read("repo/metadata/timestamp.json"), timestamp)
    late = {"SOURCE_DATE_EPOCH": str(int(time.time()) + 366 * 86400)}
    one_line_error(publish("resign", env=late, expect=6), "root metadata expired on")


@test
def what_the_device_needs_is_put_aside():
    begin()
    root = json.loads(read("repo.work/device/root.json"))
    check_equal(root["signed"]["roles"]["root"]["threshold"], 2)
    check_equal(len(root["signed"]["roles"]["root"]["keyids"]), 3)
    check_equal(read("repo.work/device/root.json"), read("repo/metadata/1.root.json"))
    check(b"seal required\nkey " in read("repo.work/device/seal.conf"))


main()
