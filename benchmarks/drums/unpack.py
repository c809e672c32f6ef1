"""The real drums of manifest.csv, unpacked into build/drums from Debian's package sonic-pi-samples, and checked.

python benchmarks/drums/unpack.py                       # apt-get download, where there is Debian
python benchmarks/drums/unpack.py --package FILE.deb    # one that is here already
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE, FOLDER = "sonic-pi-samples", "./usr/share/sonic-pi/samples/"
MANIFEST = Path(__file__).parent / "manifest.csv"


def manifest() -> list[dict[str, str]]:
    """file, kind, author, year, licence, source and sha256 of each drum."""
    with MANIFEST.open(newline="") as text:
        return list(csv.DictReader(text))


def unpack(package: Path, out: Path) -> None:
    """Write the drums of a .deb. Raises SystemExit where one of them is another than in the manifest."""
    out.mkdir(parents=True, exist_ok=True)
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for drum in manifest():
            member = archive.extractfile(FOLDER + drum["file"])
            data = member.read() if member else b""
            if hashlib.sha256(data).hexdigest() != drum["sha256"]:
                raise SystemExit(f"{drum['file']} of {package} is not the one of {MANIFEST}: another version of the package?")
            (out / drum["file"]).write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "drums")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.package is None:
            subprocess.run(["apt-get", "download", "-q", PACKAGE], check=True, cwd=folder, stdout=sys.stderr)
        unpack(given.package or next(Path(folder).glob("*.deb")), given.out)
    print(f"{len(manifest())} drums in {given.out}")


if __name__ == "__main__":
    main()
