"""`python -m tools.legacy_engines build VERSION FOLDER`, or `pin VERSION`."""

import argparse
import subprocess
import tempfile
from pathlib import Path

from .environment import install, place, resolve
from .kernels import compile_kernels
from .releases import Release, read_release
from .source import fetch

TRY = "import vllm, vllm._C; from vllm import LLM; print('  vllm', vllm.__version__)"


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(prog="legacy_engines", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build_it = commands.add_parser("build", help="an engine in a folder of its own")
    build_it.add_argument("version")
    build_it.add_argument("folder", type=Path)
    pin_it = commands.add_parser("pin", help="choose newer versions of what it needs")
    pin_it.add_argument("version")
    options = parser.parse_args()
    release = read_release(options.version)
    with tempfile.TemporaryDirectory(prefix="vllm-source-") as work:
        source = fetch(release, Path(work))
        if options.command == "pin":
            resolve(release, source)
        else:
            build(release, source, options.folder.absolute())


def build(release: Release, source: Path, home: Path) -> None:
    """Makes the engine anew in `home`, and imports it once."""
    packages = install(release, home)
    place(release, source, packages)
    compile_kernels(release, source, home, packages)
    subprocess.run([str(home / "bin" / "python"), "-c", TRY], check=True, cwd=home)


main()
