# SPDX-License-Identifier: Apache-2.0
"""suture-tuf as a program: what it asks for, keeps and refuses. tests/tuf/ holds it to the
specification with repositories that another implementation makes."""
import fcntl
import glob
import os
import subprocess
import threading
import time
from urllib.parse import quote

import world
from tap import *


class Client:
    """suture-tuf with its two folders."""

    def __init__(self, server, vendor):
        self.server, self.vendor = server, vendor
        self.metadata, self.targets = os.path.abspath("cache/metadata"), os.path.abspath("targets")

    def tuf(self, *args, expect=0, **options):
        return run("suture-tuf", "--metadata-dir", self.metadata, *args, expect=expect, **options)

    def init(self, root=None, **options):
        return self.tuf("init", root or self.vendor.path("metadata/1.root.json"), **options)

    def refresh(self, **options):
        return self.tuf("--metadata-url", self.server.url + "metadata/", "refresh", **options)

    def download(self, *names, **options):
        wanted = [word for name in names for word in ("--target-name", name)]
        return self.tuf("--metadata-url", self.server.url + "metadata/", *wanted, "--target-dir",
                        self.targets, "--target-base-url", self.server.url + "targets/", "download",
                        **options)

    def kept(self):
        return sorted(os.listdir(self.metadata)) if os.path.isdir(self.metadata) else []

    def got(self):
        return sorted(os.listdir(self.targets)) if os.path.isdir(self.targets) else []


def with_client(function):
    def test():
        vendor = world.Vendor()
        with world.Server(vendor.repository) as server:
            client = Client(server, vendor)
            client.init()
            server.asked.clear()
            function(client, server, vendor)
    test.__name__ = function.__name__
    return test


INDEX = f"{world.PRODUCT}/{world.BASE_KEY}/public/index.json"


def serve_targets(server, files):
    served = {"/targets/" + quote(world.consistent(name, data)): data for name, data in files.items()}
    server.rule("/targets/", lambda handler, _: world.answer(handler, served.get(handler.path)))


@test
@with_client
def a_refresh_keeps_the_four_files_as_received(client, server, vendor):
    client.refresh()
    check_equal(server.paths()[:2], ["/metadata/2.root.json", "/metadata/timestamp.json"], "asked")
    check_equal(len(server.paths()), 4, "requests")
    check_equal(client.kept(), ["root.json", "snapshot.json", "targets.json", "timestamp.json"],
                "kept")
    for name in client.kept():
        served = [path for path in os.listdir(vendor.path("metadata")) if path.endswith(name)]
        kept = read(os.path.join(client.metadata, name))
        check(any(read(vendor.path("metadata", path)) == kept for path in served), name)
    server.asked.clear()
    client.refresh()
    check_equal(server.paths(), ["/metadata/2.root.json", "/metadata/timestamp.json"], "the second")


@test
@with_client
def that_nothing_changed_is_no_answer_to_a_request_without_a_condition(client, server, vendor):
    for path in r"/2\.root", "/timestamp", r"\.snapshot", r"\.targets":
        server.rules[:] = [(path, world.status(304, b""))]
        server.asked.clear()
        one_line_error(client.refresh(expect=1), "304")
        check(len(server.asked) <= 4, f"{path} is asked for again and again")
        check(all(read(os.path.join(client.metadata, name)) for name in client.kept()), client.kept())
    server.rules[:] = []
    client.refresh()
    server.rule("/targets/", world.status(304, b""))
    one_line_error(client.download(INDEX, expect=1), "304")
    check_equal(client.got(), [])


@test
@with_client
def a_target_is_downloaded_once(client, server, vendor):
    done = client.download(INDEX)
    name = quote(INDEX, "")
    check_equal(client.got(), [name], "the folder of targets")
    check_equal(read(os.path.join(client.targets, name)), read(vendor.index_path()[1]), "the index")
    check("downloaded" in done.stdout, done.stdout)
    server.asked.clear()
    done = client.download(INDEX)
    check("is up to date" in done.stdout, done.stdout)
    check_equal(server.of("/targets/"), [], "asked again")


@test
@with_client
def a_changed_target_replaces_its_file(client, server, vendor):
    client.download(INDEX)
    vendor.edit_index(lambda index: index.update(issued="2026-11-22T00:00:00Z"))
    client.download(INDEX)
    check_equal(client.got(), [quote(INDEX, "")], "the folder of targets")
    check_equal(read(os.path.join(client.targets, client.got()[0])), read(vendor.index_path()[1]),
                "the index")


# CVE-2021-41149 (tough), CVE-2026-6968
@test
@with_client
def no_target_name_leaves_its_folder(client, server, vendor):
    names = ["../escaped", "/etc/escaped", "a/../../escaped", "..", ".", "a\\b", ".hidden",
             "with space?and#more", "%2e%2e/x", "long/" + "n" * 300]
    files = {name: b"data of " + name.encode() for name in names}
    vendor.sign_targets(files)
    serve_targets(server, files)
    for name in names:
        client.download(name)
    check_equal(len(client.got()), len(names), "one file for each target")
    check_equal(sorted(os.listdir(".")), ["cache", "repository", "repository.work", "targets"],
                "the folder above")
    for name in client.got():
        check(not name.startswith("."), f"{name} is visible")


@test
@with_client
def a_symlink_in_the_folder_is_replaced_not_followed(client, server, vendor):
    write("victim", b"precious")
    os.makedirs(client.targets)
    os.symlink("../victim", os.path.join(client.targets, quote(INDEX, "")))
    client.download(INDEX)
    check_equal(read("victim"), b"precious", "the link's target")
    check(not os.path.islink(os.path.join(client.targets, client.got()[0])), "still a link")


@test
@with_client
def a_target_of_other_bytes_leaves_nothing(client, server, vendor):
    for rule, word in ((world.with_data(lambda data: data[:-1] + b"x"), "not the bytes"),
                       (world.with_data(lambda data: data + b"x"), "larger than"),
                       (world.with_data(lambda data: data[:-1]), "bytes, not the"),
                       (world.endless, "larger than")):
        server.rules[:] = [("/targets/", rule)]
        one_line_error(client.download(INDEX, expect=1), word)
        check_equal(client.got(), [], "the folder of targets")
    server.rules.clear()
    client.download(INDEX)


@test
@with_client
def several_targets_stop_at_the_first_failure(client, server, vendor):
    vendor.sign_targets({"one": b"1", "two": b"2"})
    serve_targets(server, {"one": b"1", "two": b"2"})
    one_line_error(client.download("one", "missing", "two", expect=1),
                   "missing is not in the repository")
    check_equal(client.got(), ["one"], "the folder of targets")


@test
@with_client
def a_bad_root_fails_before_any_request(client, server, vendor):
    root = read(vendor.path("metadata/1.root.json")).replace(b'"version":1', b'"version":7')
    write("bad.json", root)
    one_line_error(client.init("bad.json", expect=1), "root")
    write(os.path.join(client.metadata, "root.json"), root)
    one_line_error(client.refresh(expect=1), "root")
    check_equal(server.asked, [], "requests")


# What stands in an address is the server's affair (and CVE-2026-24686, go-tuf: no name of a
# repository becomes a path here).
@test
@with_client
def base_addresses_are_used_to_the_letter(client, server, vendor):
    odd = "/a%2Fb/../%41/./%2e%2e//c%20d/"

    def below_odd(handler, _):
        name = handler.path.removeprefix(odd)
        path = vendor.path(name) if name != handler.path else ""
        world.answer(handler, read(path) if os.path.isfile(path) else None)
    server.rule("", below_odd)
    server.url += odd[1:]
    client.download(INDEX)
    check(all(path.startswith(odd) for path in server.paths()), server.paths())
    check_equal(len(server.of("/targets/")), 1, "targets asked for")
    check_equal(sorted(os.listdir(".")), ["cache", "repository", "repository.work", "targets"],
                "the folder above")


# Section 5.1: else whoever holds an answer back, or a clock that is being set, decides in the middle
# of an update which half of it has expired.
@test
@with_client
def the_time_of_the_start_counts_to_the_end(client, server, vendor):
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        skip("faketime is not installed")
    write("clock", "+0d")
    clock = {"LD_PRELOAD": found[0], "FAKETIME_TIMESTAMP_FILE": os.path.abspath("clock"),
             "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1",
             "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def jump(handler, data):
        write("clock", "+9000d")
        world.answer(handler, data)
    server.rule("2.root.json", jump)
    client.refresh(env=clock)
    check_equal(len(client.kept()), 4, "kept")
    one_line_error(client.refresh(env=clock, expect=1), "expired")


@test
@with_client
def every_failure_is_exit_code_1(client, server, vendor):
    url = server.url + "metadata/"
    for args, word in ((["refresh"], "--metadata-url is missing"),
                       (["--metadata-url", url[:-1], "refresh"], "must end with a slash"),
                       (["--metadata-url", url, "download"], "--target-base-url is missing"),
                       (["--metadata-url", url, "--target-base-url", url, "download"], "--target-name"),
                       (["nonsense"], "nonsense"), (["init"], "init"),
                       (["init", "no/such/file"], "no/such/file")):
        done = client.tuf(*args, expect=1)
        check(word in done.stderr, f"{args}: {done.stderr}")
    check_equal(run("suture-tuf", "refresh", expect=1).returncode, 1, "no folder")


@test
def a_folder_that_was_never_initialised_says_what_to_do():
    os.mkdir("empty")
    one_line_error(run("suture-tuf", "--metadata-dir", "empty", "--metadata-url",
                       "http://127.0.0.1:9/", "refresh", expect=1), "suture-tuf init")
    one_line_error(run("suture-tuf", "--metadata-dir", "none", "--metadata-url",
                       "http://127.0.0.1:9/", "refresh", expect=1), "none")
    check(not os.path.exists("none"), "a folder was made")


@test
@with_client
def two_clients_at_once_wait_for_each_other(client, server, vendor):
    folder = os.open(client.metadata, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    other = threading.Thread(target=client.refresh)
    other.start()
    time.sleep(0.3)
    check_equal(server.asked, [], "requests while another one works")
    os.close(folder)
    other.join()
    check_equal(len(client.kept()), 4, "kept files")
    clients = [threading.Thread(target=client.refresh) for _ in range(4)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    check_equal(len(client.kept()), 4, "kept files")


@test
@with_client
def what_a_killed_client_left_is_removed(client, server, vendor):
    write(os.path.join(client.metadata, "timestamp.json.1234.tmp"), b"half")
    client.refresh()
    check_equal(client.kept(), ["root.json", "snapshot.json", "targets.json", "timestamp.json"],
                "kept")


# CVE-2021-41131 (python-tuf), CVE-2021-41150 (tough); symlinks in the cache
@test
@with_client
def a_symlink_in_the_cache_is_replaced_not_followed(client, server, vendor):
    client.refresh()
    write("victim", read(os.path.join(client.metadata, "timestamp.json")))
    before = read("victim")
    os.remove(os.path.join(client.metadata, "timestamp.json"))
    os.symlink("../../victim", os.path.join(client.metadata, "timestamp.json"))
    vendor.commit({})
    client.refresh()
    check_equal(read("victim"), before, "the link's target")
    check(not os.path.islink(os.path.join(client.metadata, "timestamp.json")), "still a link")


@test
@with_client
def a_full_disk_keeps_what_was_there(client, server, vendor):
    client.refresh()
    before = {name: read(os.path.join(client.metadata, name)) for name in client.kept()}
    vendor.commit({"targets": vendor.targets()})
    command = [program("suture-tuf"), "--metadata-dir", client.metadata, "--metadata-url",
               server.url + "metadata/", "refresh"]
    limit = "ulimit -f 0; trap '' XFSZ; exec \"$@\""  # no file may grow: as a full disk, for one process
    done = subprocess.run(["bash", "-c", limit, "-", *command], capture_output=True, text=True,
                          check=False)
    check_equal(done.returncode, 1, done.stderr)
    check_equal({name: read(os.path.join(client.metadata, name)) for name in client.kept()}, before,
                "kept")
    client.refresh()


main()
