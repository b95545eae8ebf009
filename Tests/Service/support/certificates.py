"""Certificates for a test, made by openssl: an authority, and what it signs."""

import pathlib
import shutil
import subprocess


class Authority:
    """Signs certificates; all its files lie in one folder."""

    def __init__(self, folder, name="authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30", "-subj", f"/CN={name}")

    @property
    def certificate(self):
        return self.folder / f"{self.name}.pem"

    def sign(self, name, kind="server"):
        """Certificate and key of a new key pair, for localhost."""
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(
            "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
            f"extendedKeyUsage={kind}Auth\n")
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", self.certificate, "-CAkey",
            f"{self.name}.key", "-CAcreateserial", "-days", "30", "-out", f"{name}.pem",
            "-extfile", extensions)
        key = self.folder / f"{name}.key"
        key.chmod(0o600)
        return self.folder / f"{name}.pem", key

    def _openssl(self, *arguments):
        subprocess.run(
            ["openssl", *map(str, arguments)], cwd=self.folder, check=True, capture_output=True)


def replace(pair, other):
    """Puts another certificate and key in the place of a pair's files."""
    for old, new in zip(pair, other):
        shutil.copyfile(new, old)
