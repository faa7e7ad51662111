"""What is known of each old release: the files of `releases/`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
RELEASES = HERE / "releases"
CONSTRAINTS = HERE.parents[1] / "constraints"


@dataclass(frozen=True, slots=True)
class Release:
    """How one old release is built; `releases/shared.toml` describes the fields."""

    version: str
    cuda: str
    requirements: str
    leave_out: tuple[str, ...]
    packages: tuple[str, ...]
    without_deps: tuple[str, ...]
    never: tuple[str, ...]
    stand_ins: tuple[str, ...]
    kernels: tuple[str, ...]

    @property
    def pins(self) -> Path:
        """The file of exact versions of all that is installed."""
        return CONSTRAINTS / f"engine-{self.version}.txt"


def read_release(version: str) -> Release:
    """The release of that version; `SystemExit` where there is none."""
    file = RELEASES / f"{version}.toml"
    if not file.exists():
        known = sorted(path.stem for path in RELEASES.glob("[0-9]*.toml"))
        raise SystemExit(f"No old release {version}; there are: {', '.join(known)}")
    shared = tomllib.loads((RELEASES / "shared.toml").read_text("utf-8"))
    own = tomllib.loads(file.read_text("utf-8"))

    def both(name: str) -> tuple[str, ...]:
        return (*shared.get(name, ()), *own.get(name, ()))

    return Release(
        version=version,
        cuda=own["cuda"],
        requirements=own["requirements"],
        leave_out=both("leave_out"),
        packages=both("packages"),
        without_deps=both("without_deps"),
        never=both("never"),
        stand_ins=both("stand_ins"),
        kernels=both("kernels"),
    )
