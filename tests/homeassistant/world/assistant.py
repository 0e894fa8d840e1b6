"""A real Home Assistant: its process, its first steps, its interfaces, its log."""
import json
import pathlib
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request

from .checks import Failed, need, until
from .process import Process
from .websocket import WebSocket

CONFIGURATION = """homeassistant:
  name: Home
  latitude: 52.0
  longitude: 5.0
  elevation: 2
  country: NL
  currency: EUR
  time_zone: UTC
  unit_system: metric
config:
frontend:
history:
logbook:
recorder:
  commit_interval: 1
logger:
  default: warning
mobile_app:
automation: !include automations.yaml
lovelace:
  dashboards:
    porchlight-page:
      mode: yaml
      title: Porchlight
      icon: mdi:home-account
      filename: porchlight.yaml
"""
RECORD = re.compile(r"^\d{4}-\d\d-\d\d [\d:.+-]+ (WARNING|ERROR|CRITICAL) \([^)]*\) \[([^\]]+)\] (.*)$")
# What a healthy Home Assistant says here, with nothing of ours at fault: logger, text, why.
KNOWN = [(logger, re.compile(text)) for logger, text, _why in [
    ("homeassistant.bootstrap", "^Skipping pip installation", "the network is not there, and all is installed"),
    ("homeassistant.loader", "custom integration neighbour", "our own stand-in for another integration"),
    ("haffmpeg", ".", "there is no ffmpeg"),
    ("homeassistant.components.mqtt.client", r"^(Disconnected from MQTT|Failed to connect to MQTT|Error returned from MQTT|No ACK from MQTT)", "a story stopped the broker"),
    ("paho.mqtt.client", r"^failed to (receive|send|write|read)", "a story stopped the broker"),
    ("homeassistant.components.mqtt.util", "^Error talking to MQTT: The client is not currently connected", "a story stopped the broker"),
    ("homeassistant", "(?s)^Error doing job: .*_async_resubscribe_and_publish_birth_message", "a story stopped the broker"),
    ("homeassistant.core", "^Task .*was still running after final writes shutdown stage", "a story stopped it while it started"),
    ("homeassistant.components.recorder.util", "shutdown cleanly|unfinished session", "a story cut the power"),
    ("homeassistant.config_entries", r"^Config entry '127\.0\.0\.1' for mqtt integration not ready", "a story stopped the broker"),
]]


class Assistant:
    def __init__(self, release, root, folder, port):
        self.release, self.folder, self.config, self.port = release, folder, folder / "config", port
        self.new = tuple(map(int, release.split("."))) >= (2026, 5)
        self.url = f"http://127.0.0.1:{port}"
        self.token = None
        self.prepare()
        venv = f"/opt/homeassistant/{release}"
        script = ('mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && mount --bind "$2" "$1/mnt" && '
                  'exec chroot "$1" "$3/bin/hass" -c /mnt --skip-pip --log-no-color')
        self.process = Process("homeassistant", folder, ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(root),
                                                         str(self.config), venv],
                               {"PATH": f"{venv}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/mnt", "LANG": "C.UTF-8"})

    def prepare(self):
        stored = self.config / ".storage"
        stored.mkdir(parents=True)
        (self.config / "configuration.yaml").write_text(CONFIGURATION + (
            "" if self.new else f"http:\n  server_port: {self.port}\n  server_host: 127.0.0.1\n"))
        (self.config / "automations.yaml").write_text("[]\n")
        # The steps besides the user would add integrations that need the Internet.
        (stored / "onboarding").write_text(json.dumps({"version": 4, "minor_version": 1, "key": "onboarding",
                                                       "data": {"done": ["core_config", "analytics", "integration"]}}))
        if self.new:  # an `http:` section in YAML is only a trial of five minutes there
            (stored / "http").write_text(json.dumps({"version": 3, "minor_version": 1, "key": "http", "data": {
                "stable": {"server_port": self.port, "server_host": ["127.0.0.1"], "cors_allowed_origins": [],
                           "login_attempts_threshold": -1, "ip_ban_enabled": True, "ssl_profile": "intermediate_v6",
                           "use_x_frame_options": True, "created_at": "2026-01-01T00:00:00+00:00", "error": None, "error_message": None},
                "pending": None, "yaml_migration_done": True}}))

    # ---- its life

    def start(self):
        self.process.start()
        self.wait()

    def wait(self):
        def web():
            if not self.process.alive():  # no use in waiting
                raise RuntimeError(f"Home Assistant ended:\n{self.process.tail()}")
            return self.ask_web("GET", "/manifest.json", token=None)
        until(120, "Home Assistant's web server", web)
        if not self.token:
            self.onboard()
        until(120, "Home Assistant is RUNNING", lambda: self.get("/api/config")["state"] == "RUNNING")

    def stop(self):
        self.process.stop()

    def onboard(self):
        self.token = None
        client = f"{self.url}/"
        self.code = None

        def first():
            self.code = self.post("/api/onboarding/users", {"client_id": client, "name": "Resident", "username": "resident",
                                                            "password": secrets.token_hex(8), "language": "en"})["auth_code"]
            return True
        until(60, "onboarding", first)
        self.token = self.exchange(self.code)
        self.token = self.ask("auth/long_lived_access_token", client_name="tests", lifespan=30)
        # Porchlight gets a user without admin rights: that is what its documentation promises to be enough.
        user = self.ask("config/auth/create", name="Porchlight", group_ids=["system-users"])["user"]
        password = secrets.token_hex(8)
        self.ask("config/auth_provider/homeassistant/create", user_id=user["id"], username="porchlight", password=password)
        flow = self.ask_web("POST", "/auth/login_flow", {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}, token=None)
        code = self.ask_web("POST", f"/auth/login_flow/{flow['flow_id']}", {"client_id": client, "username": "porchlight", "password": password},
                            token=None)["result"]
        token = self.folder / "token"
        token.touch(0o600)
        token.write_text(self.ask("auth/long_lived_access_token", token=self.exchange(code), client_name="Porchlight", lifespan=30))

    def exchange(self, code):
        return self.ask_web("POST", "/auth/token", {"grant_type": "authorization_code", "code": code, "client_id": f"{self.url}/"},
                            form=True, token=None)["access_token"]

    def configure(self, handler, **known):
        """An integration, by its own form."""
        flow = self.post("/api/config/config_entries/flow", {"handler": handler})
        if flow["type"] == "menu":
            flow = self.post(f"/api/config/config_entries/flow/{flow['flow_id']}", {"next_step_id": "broker"})

        def fill(fields):
            said = {f["name"]: known[f["name"]] for f in fields if f["name"] in known}
            said.update({f["name"]: fill(f["schema"]) for f in fields if f.get("type") == "expandable"})
            return said
        for _ in range(3):  # one form, or two in older releases
            if flow["type"] != "form" or flow.get("errors"):
                break
            flow = self.post(f"/api/config/config_entries/flow/{flow['flow_id']}", fill(flow["data_schema"]))
        need(flow["type"] == "create_entry", f"{handler} was refused: {flow}")
        until(20, f"{handler} is loaded", lambda: self.ask("config_entries/get", domain=handler)[0]["state"] == "loaded")

    # ---- its interfaces

    def ask_web(self, method, path, body=None, form=False, token="ours"):
        data = None if body is None else urllib.parse.urlencode(body).encode() if form else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}"} if token and self.token else {}
        if data and not form:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as fault:
            raise Failed(f"{method} {path}: {fault.code} {fault.read()[:300]!r}") from None

    def get(self, path):
        return self.ask_web("GET", path)

    def post(self, path, body):
        return self.ask_web("POST", path, body)

    def ask(self, kind, token=None, **more):
        """One command on the websocket."""
        with WebSocket(self.port, "/api/websocket") as socket:
            socket.receive()
            socket.send(type="auth", access_token=token or self.token)
            need(socket.receive()["type"] == "auth_ok", "the websocket refused the token")
            while (answer := socket.ask(type=kind, **more)).get("type") != "result":
                pass
            need(answer["success"], f"{kind}: {answer.get('error')}")
            return answer["result"]

    def call(self, domain, service, **data):
        self.post(f"/api/services/{domain}/{service}", data)

    def states(self):
        return {s["entity_id"]: s for s in self.get("/api/states")}

    def state(self, entity):
        found = self.states().get(entity)
        return found and found["state"]

    def attribute(self, entity, name):
        return self.states()[entity]["attributes"].get(name)

    def entities(self):
        """All of MQTT's in the registry: those that are disabled too."""
        return [e for e in self.ask("config/entity_registry/list") if e["platform"] == "mqtt"]

    def device(self, identifier):
        """The MQTT device with that identifier, or nothing."""
        return next((d for d in self.ask("config/device_registry/list") if ["mqtt", identifier] in d["identifiers"]), None)

    def rename(self, device, name):
        self.ask("config/device_registry/update", device_id=device, name_by_user=name)

    def move(self, device, area):
        """Into a new area of that name."""
        made = self.ask("config/area_registry/create", name=area)["area_id"]
        self.ask("config/device_registry/update", device_id=device, area_id=made)
        return made

    def delete(self, device):
        """As the button on the device's page does it."""
        if self.new:
            self.ask("config/device_registry/remove", device_id=device["id"])
        else:
            self.ask("config/device_registry/remove_config_entry", device_id=device["id"], config_entry_id=device["config_entries"][0])

    def automate(self, name, blueprint, **inputs):
        self.post(f"/api/config/automation/config/{name}", {"alias": name, "use_blueprint": {"path": blueprint, "input": inputs}})
        until(15, f"automation.{name} is on", lambda: self.state(f"automation.{name}") == "on")

    # ---- its log

    def mark(self):
        return self.process.log.stat().st_size if self.process.log.exists() else 0

    def complaints(self, since=0):
        """Warnings and errors since a mark, with the lines that belong to them."""
        records = []
        for line in pathlib.Path(self.process.log).read_bytes()[since:].decode(errors="replace").splitlines():
            match = RECORD.match(line)
            if match:
                records.append([match[1], match[2], match[3]])
            elif re.match(r"^\d{4}-\d\d-\d\d [\d:.+-]+ (INFO|DEBUG)", line):
                records.append([None, "", ""])
            elif records:
                records[-1][2] += "\n" + line
        return [(level, logger, text) for level, logger, text in records if level
                and not any((logger == name or logger.startswith(name + ".")) and known.search(text) for name, known in KNOWN)]
