"""Times `mmport --help` beside a bare typer program with as many commands.

    .venv/bin/python benchmarks/help_startup.py [--runs 30]

The runs of the two alternate, so that whatever else the machine does falls on
both. It prints medians and their ratio and asserts nothing: the figure is for
a person on an idle machine to judge.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MMPORT = "from mmport.cli.app import main\nmain()\n"
COUNT = "from mmport.cli.app import app\nprint(len(app.registered_commands))\n"


def bare_program(commands: int) -> str:
    """Write a typer program whose commands take a word and a flag each, and do nothing."""
    lines = ["import typer", "app = typer.Typer(help='A bare program.')"]
    for number in range(commands):
        lines += [
            f"@app.command('command-{number}')",
            f"def command_{number}(word: str, flag: bool = False) -> None:",
            '    """Do nothing."""',
        ]
    return "\n".join([*lines, "app()", ""])


def seconds(program: Path) -> float:
    """Run `program --help` in a new Python and give its wall time."""
    start = time.perf_counter()
    subprocess.run([sys.executable, str(program), "--help"], check=True, capture_output=True)
    return time.perf_counter() - start


def measure(runs: int) -> tuple[list[float], list[float]]:
    """Time mmport and the bare program, in turns; the first run of each is not counted."""
    count = subprocess.run(
        [sys.executable, "-c", COUNT], check=True, capture_output=True, text=True
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = Path(folder, "ours.py"), Path(folder, "bare.py")
        ours.write_text(MMPORT)
        bare.write_text(bare_program(int(count)))
        pairs = [(seconds(ours), seconds(bare)) for _ in range(runs + 1)][1:]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=30, help="counted runs of each program")
    ours, bare = measure(parser.parse_args().runs)
    for name, times in (("mmport --help", ours), ("bare typer --help", bare)):
        middle, best = statistics.median(times) * 1000, min(times) * 1000
        print(f"{name:<20} median {middle:6.0f} ms   best {best:6.0f} ms   runs {len(times)}")
    ratio = statistics.median(ours) / statistics.median(bare)
    print(f"ratio of medians     {ratio:.2f}   of best runs {min(ours) / min(bare):.2f}")


if __name__ == "__main__":
    main()
