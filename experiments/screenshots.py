"""Take the pictures of the pages that README and docs show, from real runs in a real browser.

    python experiments/screenshots.py RUN [RUN...] [--out docs/images]

The composer is opened with the first run, the page that compares models with all of them (up to
four are legible side by side). The post is an example of the first run's own test part; use runs of
synthetic posts or of public officials. Needs Chromium and Playwright.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tagfinder.demo.models import distinct_names, examples_of
from tagfinder.errors import WorkError

LARGEST_BYTES = 200_000
WIDE = {"width": 900, "height": 720}
PHONE = {"width": 390, "height": 720}
LAPTOP = {"width": 1366, "height": 1100}
PATIENCE = 300_000


@contextmanager
def page_of(command: str, runs: list[Path], *options: str) -> Iterator[str]:
    """Serve runs by a command of tagfinder and yield the address."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    program = [sys.executable, "-m", "tagfinder", command, *map(str, runs), *options]
    process = subprocess.Popen([*program, "--port", str(port)])
    try:
        while process.poll() is None:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


def save(page: Any, file: Path) -> None:
    """Write a picture of the window with as many colours as a palette has."""
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    size = file.stat().st_size
    if size > LARGEST_BYTES:
        raise WorkError(f"{file} has {size:,} bytes; show less on the page")
    print(f"{file}: {picture.width} x {picture.height}, {size:,} bytes")


def composer(browser: Browser, address: str, post: str, out: Path) -> None:
    """Show the composer wide and light with reasons, and dark on a phone."""
    page = browser.new_page(viewport=WIDE, color_scheme="light")
    page.goto(address)
    page.get_by_label("Your post").fill(post)
    page.locator(".chip").first.wait_for()
    page.get_by_role("button", name="Why these?").click()
    page.locator(".reasons > li").first.wait_for()
    save(page, out / "composer.png")
    phone = browser.new_page(viewport=PHONE, color_scheme="dark")
    phone.goto(address)
    phone.get_by_label("Your post").fill(post)
    phone.locator(".chip").first.wait_for()
    save(phone, out / "composer-phone.png")


def demo(browser: Browser, address: str, runs: list[Path], out: Path) -> None:
    """Show all models of the page side by side."""
    page = browser.new_page(viewport=LAPTOP, color_scheme="light")
    page.goto(address)
    page.locator("[data-testid=stProgress]").first.wait_for(timeout=PATIENCE)
    for name in distinct_names(runs)[1:]:
        page.get_by_label("Models").click()
        page.get_by_role("option", name=name, exact=True).click()
        # While the list is open the rest of the page is hidden from roles.
        page.keyboard.press("Escape")
        page.get_by_role("heading", name=name, exact=True).wait_for(timeout=PATIENCE)
    page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    page.wait_for_timeout(1000)
    save(page, out / "demo.png")


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, help="run folders")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--post", help="what is typed; by default an example of the first run")
    arguments = parser.parse_args()
    post = arguments.post or examples_of(arguments.runs[0])[0]
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with page_of("serve", arguments.runs[:1]) as address:
            composer(browser, address, post, arguments.out)
        with page_of("demo", arguments.runs, "--no-browser") as address:
            demo(browser, address, arguments.runs, arguments.out)
        browser.close()


if __name__ == "__main__":
    main()
