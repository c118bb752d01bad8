# SPDX-License-Identifier: Apache-2.0
"""The same machine as a host whose packages change: a root that can be written, Suture from its package.

    start_packaged(device)    a start; skipped where no packages were made
"""
import image
import packages
import tap

UNITS, ACCOUNTS = "etc/systemd/system/*.wants/suture*", "etc/passwd etc/group etc/shadow etc/gshadow"
# The base's files in memory, to be changed there. The machine's identity lies over the empty one of the
# image; and dpkg runs the scripts of packages from /var.
MAKE_ROOT = f"""set -e
mkdir -p /run/upper /run/work /run/nextroot
mount -t overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work root /run/nextroot
cd /run/nextroot
xargs rm < /run/image-files
rm {UNITS}
sed -i /^suture/d {ACCOUNTS}
cat /etc/machine-id > etc/machine-id
sed -i '/LABEL=var/s/noexec,//' etc/fstab
"""
DPKG_SECONDS = 180


def leave_the_image(device):
    """Into a writable root that has nothing of what the image has of Suture but its vendor's settings."""
    device.put("/run/image-files", "".join(f"{name}\n" for name in image.suture_files()))
    device.run(MAKE_ROOT)
    device.soft_reboot()


def dpkg(device, action, path=None):
    """Works on the package suture, or on one in a file of this machine."""
    what = "suture"
    if path:
        what = "/var/tmp/suture.deb"
        with open(path, "rb") as file:
            device.put(what, file.read())
    return device.run(f"dpkg {action} {what}", seconds=DPKG_SECONDS)


def start_packaged(device):
    """On a host that got the package, (a) was installed and has settled."""
    if not packages.there_are_some():
        tap.skip("no packages: make packages")
    leave_the_image(device)
    dpkg(device, "-i", packages.package("suture"))
    device.install("a")
    device.wait_for_verdict()
