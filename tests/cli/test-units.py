# SPDX-License-Identifier: Apache-2.0
"""What an image or a host takes over of data/: units, and who may ask the agent for what."""
import contextlib
import ctypes
import glob
import os
import re
import subprocess
import time

from owner import *

UNITS = os.path.join(BUILD, "data/systemd")
DATA = os.path.join(SOURCE, "data")
POLICY = os.path.join(DATA, "polkit/org.suture.manager1.policy")
POLKITD = "/usr/lib/polkit-1/polkitd"
EXPOSURE_MAX = {"sutured.service": 4.0, "suture-fetch@.service": 2.0}
NAME, OBJECT = "org.suture.Manager1", "/org/suture/Manager1"
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
MS_BIND = 4096


def needs(*programs):
    for name in programs:
        if not os.path.exists(name):
            skip(f"no {name}")


def call(*command, expect=0, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    check(expect is None or done.returncode == expect,
          f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


# --- units

def units_of_this_build():
    """All units, in a folder; what they start is the build's."""
    os.makedirs("units")
    found = [*glob.glob(f"{UNITS}/*.service"), *glob.glob(f"{DATA}/systemd/*.socket"),
             *glob.glob(f"{DATA}/systemd/*.timer")]
    for path in found:
        text = re.sub(r"^(Exec\w+=-?)\S*/(suture[\w-]*)", rf"\1{BUILD}/\2", read(path).decode(), flags=re.M)
        write(f"units/{os.path.basename(path)}", text)
    return sorted(glob.glob("units/*"))


@test
def systemd_has_nothing_against_the_units():
    needs("/usr/bin/systemd-analyze")
    units = units_of_this_build()
    check(len(units) >= 8, units)
    done = call("systemd-analyze", "verify", "--man=no", *units,
                env=dict(os.environ, SYSTEMD_UNIT_PATH=os.path.abspath("units") + ":"))
    check_equal(done.stderr, "", "what it says")
    bad = read("units/sutured.service") + b"[Service]\nProtectSystem=twice\n"
    write("units/sutured.service", bad)
    check(call("systemd-analyze", "verify", "--man=no", "units/sutured.service").stderr,
          "it would not notice a mistake")


@test
def the_sandboxes_leave_little():
    needs("/usr/bin/systemd-analyze")
    units_of_this_build()
    for unit, most in EXPOSURE_MAX.items():
        done = call("systemd-analyze", "security", "--offline=yes", f"units/{unit}")
        level = float(re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)[1])
        print(f"# {unit}: {level}")
        check(level <= most, done.stdout)


@test
def every_program_that_a_unit_starts_has_a_place():
    for path in glob.glob(f"{UNITS}/*.service"):
        for start in re.findall(r"^Exec\w+=-?(\S+)", read(path).decode(), flags=re.M):
            check(os.access(program(os.path.basename(start)), os.X_OK), start)
    activation = read(os.path.join(BUILD, "data/dbus/org.suture.Manager1.service")).decode()
    has(activation, f"Name={NAME}\n", "SystemdService=sutured.service\n", "/bin/sutured\n")
    has(read(f"{UNITS}/sutured.service").decode(), f"BusName={NAME}\n")
    socket = re.search(r"^ListenSequentialPacket=/(\S+)$", read(f"{DATA}/systemd/suture-fetch.socket").decode(),
                       flags=re.M)[1]
    has(read(os.path.join(SOURCE, "src/device/manager/downloader.h")).decode(), f'"{socket}"')


# Options by which systemd gives a unit a mount namespace: PrivateNetwork= among them since it mounts /sys.
OWN_NAMESPACE = re.compile(
    r"^(Protect(System|Home|Proc|Kernel\w+|ControlGroups)|ProcSubset|Private(Tmp|Devices|Mounts|Network|IPC|Users)|"
    r"(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec|BindReadOnly|Bind)Paths|TemporaryFileSystem|MountFlags|"
    r"Root\w+|DynamicUser|NetworkNamespacePath|LogNamespace)=", re.M)


@test
def who_judges_or_makes_mounts_shares_them():
    for unit in "sutured", "suture-keeper", "suture-activate", "suture-trial":
        found = OWN_NAMESPACE.search(read(f"{UNITS}/{unit}.service").decode())
        check(not found, f"{unit}.service: {found}")
    check(OWN_NAMESPACE.search(read(f"{UNITS}/suture-fetch@.service").decode()), "nothing is ever found")


@test
def users_and_folders_are_made():
    needs("/usr/bin/systemd-sysusers", "/usr/bin/systemd-tmpfiles")
    if os.geteuid() != 0:
        skip("needs root")
    os.makedirs("root/etc")
    root = f"--root={os.path.abspath('root')}"
    call("systemd-sysusers", root, f"{DATA}/systemd/sysusers.conf")
    has(read("root/etc/passwd").decode(), "suture-fetch:")
    call("systemd-tmpfiles", root, "--create", f"{DATA}/systemd/tmpfiles.conf")
    for folder in "root/var/lib/suture", "root/var/cache/suture":
        check_equal(os.stat(folder).st_mode & 0o7777, 0o755, folder)


# --- the bus, and polkit

def actions_of_the_policy():
    """{id: (any, inactive, active, implied)}."""
    text = read(POLICY).decode()
    found = {}
    for action in re.findall(r"<action .*?</action>", text, flags=re.S):
        name = re.search(r'id="([^"]+)"', action)[1]
        grants = tuple(re.search(f"<allow_{who}>(\\w+)<", action)[1] for who in ("any", "inactive", "active"))
        implied = re.search(r'imply">([^<]*)<', action)
        found[name] = (*grants, implied[1] if implied else "")
    return found


@test
def the_policy_has_exactly_what_the_agent_asks_for():
    asked = set(re.findall(r'"(org\.suture\.manager1\.[\w-]+)"',
                           read(os.path.join(SOURCE, "src/device/agent/authority.h")).decode()))
    actions = actions_of_the_policy()
    check_equal(set(actions), asked, "actions")
    for *_, implied in actions.values():
        check(set(implied.split()) <= asked, implied)
    named = set(re.findall(r"org\.suture\.manager1\.[\w-]+[a-z]",
                           read(os.path.join(SOURCE, "api/org.suture.Manager1.xml")).decode()))
    check_equal(named, asked, "what the contract names")


@test
def the_files_are_proper_xml():
    needs("/usr/bin/xmllint")
    for path in POLICY, f"{DATA}/dbus/org.suture.Manager1.conf", f"{SOURCE}/api/org.suture.Manager1.xml":
        call("xmllint", "--noout", "--nonet", path)


BUS = """<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
<allow send_destination="org.freedesktop.DBus"/></policy>
<include>{ours}</include><include ignore_missing="yes">{polkit}</include></busconfig>
"""


@contextlib.contextmanager
def running(*command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


class Bus:
    """A system bus of the test's own, with the rules that are installed."""

    def __init__(self):
        os.chmod(os.getcwd(), 0o755)
        path = os.path.abspath("bus")
        write("bus.conf", BUS.format(path=path, ours=f"{DATA}/dbus/org.suture.Manager1.conf",
                                     polkit="/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf"))
        self.address = f"unix:path={path}"
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.address
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.start("dbus-daemon", "--config-file=bus.conf", "--nofork")
        wait_until(lambda: os.path.exists("bus"), "no bus")
        os.chmod("bus", 0o666)
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self, *command):
        return self.stack.enter_context(running(*command))

    def has(self, name):
        return f'"{name}"' in call("busctl", f"--address={self.address}", "call", "org.freedesktop.DBus", "/",
                                   "org.freedesktop.DBus", "ListNames").stdout

    def call(self, method, *arguments, under=(), expect=0):
        return call(*under, "busctl", f"--address={self.address}", "call", NAME, OBJECT, NAME, method,
                    *arguments, expect=expect)


def wait_until(condition, what):
    end = time.monotonic() + 30
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.05)


def bind(source, target):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), target.encode(), None, MS_BIND, None):
        raise OSError(ctypes.get_errno(), f"cannot bind {target}")


def start_polkit(bus):
    """The real one, which knows our actions alone, and the rules of the folder `rules`."""
    os.makedirs("actions")
    os.makedirs("rules")
    write("actions/org.suture.manager1.policy", read(POLICY), 0o644)
    write("actions/org.freedesktop.login1.policy",
          read("/usr/share/polkit-1/actions/org.freedesktop.login1.policy")
          if os.path.exists("/usr/share/polkit-1/actions/org.freedesktop.login1.policy") else b"", 0o644)
    bind(os.path.abspath("actions"), "/usr/share/polkit-1/actions")
    bind(os.path.abspath("rules"), "/usr/share/polkit-1/rules.d")
    bus.start(POLKITD, "--no-debug")
    wait_until(lambda: bus.has("org.freedesktop.PolicyKit1"), "no polkit")


def own(bus, *under):
    return call(*under, "busctl", f"--address={bus.address}", "call", "org.freedesktop.DBus", "/",
                "org.freedesktop.DBus", "RequestName", "su", NAME, "4", expect=None)


@test_in_mount_namespace
def only_root_is_the_agent():
    needs("/usr/bin/dbus-daemon", "/usr/bin/busctl")
    with Bus() as bus:
        check_equal(own(bus).stdout, "u 1\n", "root")
        done = own(bus, *AS_NOBODY)
        check(done.returncode != 0 and "denied" in done.stderr, done.stderr)


@test_in_mount_namespace
def polkit_knows_every_action():
    needs("/usr/bin/dbus-daemon", "/usr/bin/busctl", "/usr/bin/pkaction", POLKITD)
    with Bus() as bus:
        start_polkit(bus)
        for action, (anybody, inactive, active, implied) in actions_of_the_policy().items():
            shown = call("pkaction", "--verbose", "--action-id", action).stdout
            found = dict(re.findall(r"^ +([\w ]+): +(.*)$", shown, flags=re.M))
            check_equal((found["implicit any"], found["implicit inactive"], found["implicit active"]),
                        (anybody, inactive, active), action)
            check_equal(implied in found.get("annotation", ""), True, action)


@test_in_mount_namespace
def the_example_lets_a_group_install_and_nothing_else():
    needs("/usr/bin/dbus-daemon", "/usr/bin/busctl", POLKITD)
    with Bus() as bus, World(config="[install]\nautomatic = off\n[check]\ninterval = 604800\n") as (
            vendor, server, device):
        start_polkit(bus)
        bus.start(program("sutured"), "--root", device.root)
        wait_until(lambda: bus.has(NAME), "no agent")
        bus.call("Describe", under=AS_NOBODY)
        for call_of in (["Install", "tt", "0", "0"], ["Remove", "t", "0"], ["Check", "t", "0"]):
            done = bus.call(*call_of, under=AS_NOBODY, expect=1)
            check("uthoriz" in done.stderr or "denied" in done.stderr, done.stderr)
        rule = read(os.path.join(SOURCE, "examples/polkit/50-suture.rules")).decode()
        check('"operators"' in rule, rule)
        write("rules/50-suture.rules", rule.replace("operators", "nogroup"), 0o644)
        # polkit sees the new file a moment later
        wait_until(lambda: bus.call("Install", "tt", "0", "0", under=AS_NOBODY, expect=None).returncode == 0,
                   "the group may not install")
        bus.call("Remove", "t", "0", under=AS_NOBODY, expect=1)
        wait_until(lambda: device.label() == LABEL_A, "nothing is installed")


main()
