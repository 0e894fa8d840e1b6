"""Pages of Home Assistant in a headless Chromium, steered by its own debugging protocol."""
import base64
import json
import pathlib
import shutil
import tempfile
import time
import urllib.request

from .checks import need, until
from .process import Process
from .websocket import WebSocket

# All elements that can be seen, through the shadow roots.
WALK = """const all = []; (function walk(node) { for (const e of node.querySelectorAll('*')) { all.push(e); if (e.shadowRoot) walk(e.shadowRoot); } })(document);
const seen = all.filter(e => e.getClientRects().length);"""
READY = f"""(() => {{ {WALK}
  if (seen.some(e => /^(ha-spinner|ha-circular-progress|hass-loading-screen|ha-init-page)$/.test(e.localName))) return false;
  return seen.some(e => /^(hui-card|ha-card|hui-empty-state-card|ha-config-device-page|ha-automation-trace|persistent-notification-item)$/.test(e.localName)); }})()"""
SEEN = f"""(() => {{ {WALK}
  const text = e => {{ let said = ''; (function walk(node) {{ for (const c of node.childNodes) {{
    if (c.nodeType === 3) said += c.data + ' '; else if (c.nodeType === 1 && !/^(STYLE|SCRIPT)$/.test(c.tagName)) {{ if (c.shadowRoot) walk(c.shadowRoot); walk(c); }} }} }})(e.shadowRoot ?? e);
    return said.replace(/\\s+/g, ' ').trim().slice(0, 200); }};
  const bad = e => /^hui-.*(error|warning)/.test(e.localName) || (e.localName === 'ha-alert' && /error|warning/.test(e.alertType ?? ''));
  return {{ cards: seen.filter(e => e.localName === 'hui-card').length, errors: all.filter(bad).map(e => e.localName + ': ' + text(e)) }}; }})()"""


class Browser:
    def __init__(self, home, width=1280, height=900):
        self.home, self.size = home, (width, height)
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        need(program, "no chromium: run tests/homeassistant/install")
        self.profile = pathlib.Path(tempfile.mkdtemp(prefix="chromium-", dir=home.folder))
        self.process = Process("chromium", home.folder, [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-data-dir={self.profile}", "--hide-scrollbars",
            "about:blank"])

    def __enter__(self):
        self.process.start()
        file = self.profile / "DevToolsActivePort"
        until(60, "the browser listens", lambda: len(file.read_text().split()) == 2)
        port = int(file.read_text().split()[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=20) as answer:
            page = next(p for p in json.load(answer) if p["type"] == "page")
        self.socket = WebSocket(port, page["webSocketDebuggerUrl"].split(str(port), 1)[1])
        self.do("Page.enable")
        self.resize(*self.size)
        tokens = {"access_token": self.home.assistant.token, "token_type": "Bearer", "expires_in": 10**8, "hassUrl": self.home.assistant.url,
                  "clientId": self.home.assistant.url + "/", "expires": int(time.time() * 1000) + 10**11, "refresh_token": ""}
        self.do("Page.addScriptToEvaluateOnNewDocument", source=f"localStorage.setItem('hassTokens', JSON.stringify({json.dumps(tokens)}));"
                                                                "localStorage.setItem('dockedSidebar', JSON.stringify('always_hidden'));")
        return self

    def __exit__(self, *_):
        self.socket.socket.close()
        self.process.stop()
        shutil.rmtree(self.profile, ignore_errors=True)

    def do(self, method, **params):
        answer = self.socket.ask(method=method, params=params)
        need("error" not in answer, f"{method}: {answer.get('error')}")
        return answer["result"]

    def tell(self, script):
        answer = self.do("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        need("exceptionDetails" not in answer, f"the page's script failed: {answer.get('exceptionDetails')}")
        return answer["result"].get("value")

    def resize(self, width, height):
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def look(self, path):
        """How many cards a page shows, and the text of its error cards."""
        self.do("Page.navigate", url=self.home.assistant.url + path)
        until(60, f"{path} is drawn", lambda: self.tell(f"location.pathname.startsWith({json.dumps(path)})") and self.tell(READY), pause=0.3)
        last = [None]

        def quiet():
            before, last[0] = last[0], self.tell(SEEN)
            return before == last[0]
        until(20, f"{path} stays as it is", quiet, pause=0.7)
        return last[0]

    def picture(self, file):
        pathlib.Path(file).write_bytes(base64.b64decode(self.do("Page.captureScreenshot", format="png")["data"]))
