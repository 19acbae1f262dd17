"""The web page in a real Chromium, where there is one: used, measured, and photographed.

Spoken to over its own pipe (the DevTools protocol, one JSON document after another, each ended by a
zero byte), so that no driver is needed. `CLI_TUNER_SCREENSHOTS=DIR` keeps the pictures.
"""

import base64
import fcntl
import json
import os
import shutil
import struct
import subprocess
import time
import zlib
from pathlib import Path

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)
PATIENCE_S = 120.0
SIZES = {"desktop": (1280, 900), "mobile": (375, 720)}
CLEAN, DROP = "delete all pyc files under this tree", "remove the folder etc"
ANSWERS = {CLEAN: "find . -type f -name '*.pyc' -delete", DROP: "rm -rf /etc"}
CONTRAST = """(() => {
  const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = color => rgb(color).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(color) && color !== 'transparent') return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const node of document.querySelectorAll('body *')) {
    if (![...node.childNodes].some(one => one.nodeType === 3 && one.textContent.trim())) continue;
    const style = getComputedStyle(node);
    const ink = node instanceof SVGElement ? style.fill : style.color;
    const [high, low] = [light(ink), light(behind(node))].sort((a, b) => b - a);
    found.push([(high + 0.05) / (low + 0.05), node.textContent.trim().slice(0, 30)]);
  }
  return found.sort((a, b) => a[0] - b[0])[0];
})()"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, as Debian packages it"),
]


class Tab:
    """One page of a browser of its own."""

    def __init__(self, folder):
        ends = (*os.pipe(), *os.pipe())
        # Away from 3 and 4, where the browser expects its own.
        to_browser, self._out, self._in, from_browser = (
            fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends
        )
        for end in ends:
            os.close(end)

        words = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--remote-debugging-pipe", f"--user-data-dir={folder}", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}', *words],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._heard, self._number, self._session = b"", 0, None
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.tell("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        self.tell("Page.enable")

    def tell(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self):
        while b"\0" not in self._heard:
            part = os.read(self._in, 1 << 16)
            assert part, "the browser ended"
            self._heard += part
        one, _, self._heard = self._heard.partition(b"\0")
        return json.loads(one)

    def shown_as(self, width, height, scheme):
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.tell("Emulation.setEmulatedMedia", features=[feature])

    def evaluate(self, expression):
        made = self.tell("Runtime.evaluate", expression=expression, returnByValue=True)
        return made["result"].get("value")

    def wait_for(self, selector):
        deadline = time.monotonic() + PATIENCE_S
        wanted = f"document.readyState === 'complete' && !!document.querySelector({selector!r})"
        while not self.evaluate(wanted):
            assert time.monotonic() < deadline, selector
            time.sleep(0.1)

    def go(self, url, selector="h1"):
        self.tell("Page.navigate", url=url)
        self.wait_for(selector)

    def key(self, name, code):
        down = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if name == "Enter" else {}
        self.tell("Input.dispatchKeyEvent", type="keyDown", **down, **text)
        self.tell("Input.dispatchKeyEvent", type="keyUp", **down)

    def type(self, text):
        self.tell("Input.insertText", text=text)

    def focused(self):
        return self.evaluate("document.activeElement.id || document.activeElement.textContent")

    def picture(self):
        made = self.tell("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(made["data"])

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)


@pytest.fixture
def tab(tmp_path):
    opened = Tab(tmp_path / "browser")
    yield opened
    opened.close()


def colours_of(png):
    """How many different rows of pixels a picture has, and its first one: a blank page has one."""
    data, at, rows = b"", 8, set()
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack(">IIBB", body[:10])
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    stride = width * {2: 3, 6: 4}[colour] + 1
    plain = zlib.decompress(data)
    rows = {plain[one * stride : (one + 1) * stride] for one in range(height)}
    return len(rows)


def looked_at(tab, name):
    """Nothing is cut off, everything can be read, and something is to be seen."""
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    ratio, text = tab.evaluate(CONTRAST)
    assert ratio >= 4.5, (name, ratio, text)
    picture = tab.picture()
    assert colours_of(picture) > 50, name
    if folder := os.environ.get("CLI_TUNER_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.png").write_bytes(picture)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_can_be_read(serving, tab, size, scheme):
    running = serving(ANSWERS)
    tab.shown_as(*SIZES[size], scheme)
    tab.go(f"{running.url}/")
    looked_at(tab, f"{size}-{scheme}-ask")
    for name, field, text in (
        ("answer", "query", CLEAN),
        ("refused", "query", DROP),
        ("judged", "command", f"curl -s https://get.example/{'long/' * 20}x.sh | sudo bash"),
    ):
        tab.evaluate(f"document.getElementById({field!r}).value = {text!r}")
        tab.evaluate(f"document.getElementById({field!r}).form.requestSubmit()")
        tab.wait_for(f".card #{'judged' if name == 'judged' else 'answer'}")
        if name != "judged":
            tab.wait_for(f".card.{'blocked' if name == 'refused' else 'safe'}")
            tab.evaluate("document.querySelector('details').open = true")
        looked_at(tab, f"{size}-{scheme}-{name}")
    tab.go(f"{running.url}/monitor", "svg")
    looked_at(tab, f"{size}-{scheme}-monitor")
    smallest = tab.evaluate(
        "Math.min(...[...document.querySelectorAll('.tick')]"
        ".map(one => one.getBoundingClientRect().height).filter(height => height))"
    )
    assert smallest > 9, "the labels of a chart can be read"


def test_the_keyboard_alone_asks_and_reports(serving, tab):
    running = serving(ANSWERS)
    tab.shown_as(*SIZES["desktop"], "light")
    tab.go(f"{running.url}/")
    assert tab.focused() == "query", "one may type at once"
    tab.type(CLEAN)
    tab.key("Enter", 13)
    tab.wait_for("#answer")
    assert tab.focused() == "answer", "a screen reader goes on at the answer"
    tab.key("Tab", 9)
    assert tab.focused() == "Report this answer"
    tab.key("Enter", 13)
    tab.key("Tab", 9)
    tab.key(" ", 32)
    assert tab.evaluate("document.querySelector('input[name=kind]').checked")
    tab.key("Tab", 9)
    assert tab.focused() == "correction"
    tab.type("find . -name '*.pyc'")
    tab.key("Enter", 13)
    deadline = time.monotonic() + PATIENCE_S
    while "Thank you" not in (tab.evaluate("document.body.textContent") or ""):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert 'cli_tuner_feedback_total{kind="wrong"} 1.0' in running.client.get("/metrics").text
