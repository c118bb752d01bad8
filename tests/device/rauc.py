# SPDX-License-Identifier: Apache-2.0
"""Updates of the whole base as RAUC takes them: bundles with one image, in the plain format.

    signer = Signer(folder)     a certificate that lives as long as the image of the test device
    signer.make_bundle("root.erofs", "26.3.2", "26.3.2.raucb")
    signer.forget()             no key is kept
"""
import os
import shutil

from vendor import call

# `compatible` as in base/etc/rauc/system.conf.
MANIFEST = """[update]
compatible=exampleos-device
version={version}

[bundle]
format=plain

[image.rootfs]
filename=rootfs.img
"""


class Signer:
    def __init__(self, folder):
        self.folder = folder
        self.key, self.certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "keyring.pem")
        os.makedirs(folder)
        call("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
             "/CN=Example OS updates", "-keyout", self.key, "-out", self.certificate)

    def make_bundle(self, image, version, path):
        content = os.path.join(self.folder, "content")
        os.makedirs(content)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.rename(image, f"{content}/rootfs.img")
        with open(f"{content}/manifest.raucm", "w", encoding="ascii") as file:
            file.write(MANIFEST.format(version=version))
        call("rauc", "bundle", "--cert", self.certificate, "--key", self.key,
             "--mksquashfs-args=-comp zstd -Xcompression-level 3", content, path)
        shutil.rmtree(content)

    def forget(self):
        os.unlink(self.key)
