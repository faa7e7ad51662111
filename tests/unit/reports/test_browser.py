"""The page in a real browser: it renders, filters, and its policy stops nothing of its own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from mmport.reports.exhibits import Exhibits
from mmport.reports.page import render_page
from tests.conftest import find_browser
from tests.unit.reports import runs
from tests.unit.reports.test_page import everything

pytestmark = pytest.mark.browser


def browse(address: str, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Open an address without a network; give the document as the scripts leave it."""
    return subprocess.run(
        [
            find_browser(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={profile}",
            *options,
            address,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    record = runs.record(runs.passing(), runs.failing(), runs.hostile(), model=runs.HOSTILE)
    path.write_text(render_page(record, [everything()] * 3))
    return path


def shown_rows(document: str) -> list[str]:
    rows = re.findall(r"<tr [^>]*data-outcome[^>]*>", document)
    return [row for row in rows if "hidden" not in row]


def test_it_runs_its_script_and_nothing_is_refused(page: Path, tmp_path: Path) -> None:
    result = browse(page.as_uri(), tmp_path, "--dump-dom")
    assert "CONSOLE" not in result.stderr
    assert "alert(" in result.stdout
    assert '<form id="filter" role="search">' in result.stdout
    count = re.search(r'<output id="count">(\d+) of (\d+)</output>', result.stdout)
    assert count is not None
    assert count[1] == count[2] == str(len(shown_rows(result.stdout)))


def test_a_link_to_a_filter_shows_these_rows_alone(page: Path, tmp_path: Path) -> None:
    address = f"{page.as_uri()}#filter:implementation=in-tree&outcome=failed&text=tower"
    result = browse(address, tmp_path, "--dump-dom")
    assert "CONSOLE" not in result.stderr
    rows = shown_rows(result.stdout)
    assert rows
    assert all('data-outcome="failed"' in row for row in rows)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_in_light_and_dark(page: Path, tmp_path: Path, scheme: str) -> None:
    shot = tmp_path / f"{scheme}.png"
    number = {"dark": 0, "light": 1}[scheme]
    browse(
        page.as_uri(),
        tmp_path / "profile",
        f"--blink-settings=preferredColorScheme={number}",
        "--window-size=900,700",
        f"--screenshot={shot}",
    )
    assert shot.stat().st_size > 10_000


def test_the_policy_stops_what_is_not_the_page_s_own(page: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    smuggled = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
    other.write_text(page.read_text().replace("</main>", f"{smuggled}</main>"))
    result = browse(other.as_uri(), tmp_path / "profile", "--dump-dom")
    assert "Content Security Policy" in result.stderr
    assert "<title>run</title>" not in result.stdout


def test_exhibits_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_page(runs.record(runs.passing()), [Exhibits()]))
    assert "CONSOLE" not in browse(path.as_uri(), tmp_path / "profile", "--dump-dom").stderr
