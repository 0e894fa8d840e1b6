"""A home on one machine: namespaces for its devices, a broker, Home Assistant and Porchlight."""

import json
import os
import pathlib
import signal
import subprocess
import time

from home import Home
from api import Api, Refused
from phone import Phone


class Failed(Exception):
    """What a story expected and did not find."""


def expect(condition, text):
    if not condition:
        raise Failed(text)


class Process:
    """One process that we started, ended by its own id."""

    def __init__(self, name, folder, argv, env=None):
        self.name, self.log, self.argv, self.env, self.child = name, folder / f"{name}.log", argv, env, None

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, cwd="/")

    def stop(self, how=signal.SIGTERM, patience=30):
        if self.child is None or self.child.poll() is not None:
            return
        self.child.send_signal(how)
        try:
            self.child.wait(patience)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise Failed(f"{self.name} did not end within {patience} s of {how.name}") from None

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def tail(self, lines=15):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class World:
    CONFIG = """homeassistant:
  name: Home
  latitude: 52.37
  longitude: 4.89
  elevation: 2
  unit_system: metric
  currency: EUR
  country: NL
  time_zone: Europe/Amsterdam
frontend:
config:
history:
logbook:
mobile_app:
my:
recorder:
  commit_interval: 1
webhook:
automation: !include automations.yaml
logger:
  default: warning
"""

    SETTINGS = {
        "network": {"interfaces": ["eth0"]},
        "mqtt": {"url": "mqtt://127.0.0.1:1883", "node": "home"},
        "homeassistant": {"url": "http://127.0.0.1:8123"},
        # Times of a home that lives faster than ours.
        "alerts": {"settle": "10s"},
        "presence": {"away_min": "10s", "away_after": {"unknown": "20s", "computer": "20s", "phone": "20s"},
                     "ask_after": {"busy": "5s", "idle": "5s", "asleep": "5s"}, "grace": "0s", "hold_mass": "0s"},
        "scanners": {"arp_sweep": {"interval": "5s"}},
    }

    def __init__(self, folder, binary):
        self.folder, self.binary = folder, binary
        self.home = Home(f"plt{os.getpid() % 100000}")
        self.api = None
        self.phones = []
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        self.root = pathlib.Path(os.environ.get("PORCHLIGHT_TESTS_ROOT") or cache / "porchlight-tests" / "root")
        venvs = sorted(self.root.glob(os.environ.get("PORCHLIGHT_TESTS_VENV") or "opt/homeassistant/*"))
        if not venvs:
            raise SystemExit(f"no Home Assistant below {self.root}: run tests/homeassistant/install")
        self.venv = venvs[-1]
        self.broker = self.hass = self.daemon = None

    # ---- life
    def up(self):
        self.home.up()
        self.make_broker()
        self.make_hass()
        self.broker.start()
        self.until("the broker listens", lambda: self.tcp(1883), 20)
        self.hass.start()
        self.api = Api(self)
        self.until("Home Assistant answers", self.answers, 120)
        self.onboard()
        self.until("Home Assistant runs", self.runs, 120)
        self.configure_mqtt()
        self.make_daemon()
        self.daemon.start()
        self.until("Porchlight is online", self.online, 60)

    def online(self):
        expect(self.daemon.alive(), f"Porchlight ended:\n{self.daemon.tail()}")
        return self.state("binary_sensor.porchlight_online") == "on"

    def down(self):
        for process in (self.daemon, self.hass, self.broker):
            if process:
                try:
                    process.stop()
                except Failed as slow:
                    print(f"   {slow}", flush=True)
        for phone in self.phones:
            phone.stop()
        self.home.down()

    # ---- parts
    def make_broker(self):
        conf = self.folder / "mosquitto.conf"
        conf.write_text(f"listener 1883 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\npersistence_location {self.folder}/\n"
                        "autosave_interval 1\n")
        self.broker = Process("mosquitto", self.folder, self.home.inside(["/usr/sbin/mosquitto", "-c", str(conf)]))

    def make_hass(self):
        config = self.folder / "config"
        (config / ".storage").mkdir(parents=True)
        (config / "configuration.yaml").write_text(self.CONFIG)
        (config / "automations.yaml").write_text("[]\n")
        # Every step but the first user is marked as done: the others look for things on the Internet.
        (config / ".storage" / "onboarding").write_text(json.dumps(
            {"version": 4, "minor_version": 1, "key": "onboarding", "data": {"done": ["core_config", "analytics", "integration"]}}))
        inner = "/" + str(self.venv.relative_to(self.root))
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                 'mount -t proc proc "$0/proc" && mount --bind "$1" "$0/mnt" && shift && exec chroot "$0" "$@"',
                 str(self.root), str(config), f"{inner}/bin/hass", "-c", "/mnt", "--skip-pip", "--log-no-color"]
        env = {"PATH": f"{inner}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/mnt", "LANG": "C.UTF-8"}
        self.hass = Process("homeassistant", self.folder, self.home.inside(enter), env)

    def make_daemon(self):
        settings = json.loads(json.dumps(self.SETTINGS))
        settings["homeassistant"]["token_file"] = str(self.folder / "token")
        (self.folder / "porchlight.yaml").write_text(json.dumps(settings, indent=1))
        self.daemon = Process("porchlight", self.folder, self.home.inside(self.argv("run", "--log-level", "debug")),
                              {"PATH": os.environ["PATH"], "HOME": "/nonexistent"})

    def argv(self, *verb):
        return [self.binary, "--config", str(self.folder / "porchlight.yaml"), "--state-dir", str(self.folder / "state"), *verb]

    def porchlight(self, *verb):
        """A verb of the command line; its JSON if it says any."""
        done = subprocess.run(self.home.inside(self.argv("--json", *verb)), capture_output=True, text=True, timeout=60)
        expect(done.returncode == 0, f"porchlight {' '.join(verb)}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def printed(self, *verb):
        done = subprocess.run(self.home.inside(self.argv(*verb)), capture_output=True, text=True, timeout=60)
        expect(done.returncode == 0, f"porchlight {' '.join(verb)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def device(self, mac):
        """Porchlight's device with that MAC, or nothing."""
        found = [d for d in self.porchlight("devices")["devices"] if mac in d["macs"]]
        return found[0] if found else None

    def device_of(self, name):
        found = [d for d in self.porchlight("devices")["devices"] if d["name"] == name]
        expect(found, f"Porchlight has no device named {name}")
        return found[0]

    # ---- Home Assistant
    def answers(self):
        expect(self.hass.alive(), f"Home Assistant ended:\n{self.hass.tail()}")
        try:
            return self.api.get("/manifest.json", token=False) is not None
        except (Refused, OSError):
            return False

    def runs(self):
        try:
            return self.api.get("/api/config")["state"] == "RUNNING"
        except (Refused, OSError):
            return False

    def onboard(self):
        client = "http://127.0.0.1:8123/"
        code = self.retry(lambda: self.api.post("/api/onboarding/users", {"client_id": client, "name": "Owner", "username": "owner",
                          "password": "owner-password", "language": "en"}, token=False))["auth_code"]
        self.api.token = self.api.exchange(client, code)
        self.api.token = self.api.command("auth/long_lived_access_token", client_name="tests", lifespan=30)
        # Porchlight gets a user without admin rights: that is what its documentation promises to be enough.
        user = self.api.command("config/auth/create", name="Porchlight", group_ids=["system-users"])["user"]
        self.api.command("config/auth_provider/homeassistant/create", user_id=user["id"], username="porchlight", password="its-password")
        plain = Api(self)
        plain.token = self.api.exchange(client, self.api.log_in(client, "porchlight", "its-password"))
        token = self.folder / "token"
        token.touch(0o600)
        token.write_text(plain.command("auth/long_lived_access_token", client_name="Porchlight", lifespan=30))

    def configure_mqtt(self):
        """As a person does it: by the form of the integration."""
        flow = self.api.post("/api/config/config_entries/flow", {"handler": "mqtt"})
        if flow["type"] == "menu":
            flow = self.api.post(f"/api/config/config_entries/flow/{flow['flow_id']}", {"next_step_id": "broker"})
        answers = {"broker": "127.0.0.1", "port": 1883, "set_client_cert": False, "set_ca_cert": "off"}
        fill = lambda fields: {field["name"]: answers[field["name"]] for field in fields if field["name"] in answers}
        for _ in range(3):  # one form, or two in older releases
            given = fill(flow["data_schema"])
            for field in flow["data_schema"]:
                if field.get("type") == "expandable":
                    given[field["name"]] = fill(field["schema"])
            flow = self.api.post(f"/api/config/config_entries/flow/{flow['flow_id']}", given)
            if flow["type"] != "form" or flow.get("errors"):
                break
        expect(flow["type"] == "create_entry", f"the MQTT form was refused: {flow.get('errors') or flow}")
        self.until("MQTT is loaded", lambda: self.api.command("config_entries/get", domain="mqtt")[0]["state"] == "loaded", 30)

    def states(self):
        return {s["entity_id"]: s for s in self.api.get("/api/states")}

    def state(self, entity):
        try:
            return self.api.get(f"/api/states/{entity}")["state"]
        except (Refused, OSError):
            return None

    def attribute(self, entity, name):
        try:
            return self.api.get(f"/api/states/{entity}")["attributes"].get(name)
        except (Refused, OSError):
            return None

    def phone(self, name):
        phone = Phone(self, name)
        self.phones.append(phone)
        phone.start()
        return phone

    def registry_device(self, identifier):
        """Home Assistant's entry of the MQTT device with that identifier."""
        for device in self.api.command("config/device_registry/list"):
            if ["mqtt", identifier] in device["identifiers"]:
                return device
        return None

    def identifier(self, device):
        """What Porchlight calls its device in Home Assistant."""
        return f"porchlight_{self.instance()}_{device}"

    def instance(self):
        return json.loads(self.retained("porchlight/home/bridge/info"))["instance"]

    # ---- MQTT
    def publish(self, topic, payload, *options):
        subprocess.run(self.home.inside(["mosquitto_pub", "-h", "127.0.0.1", "-t", topic, "-m", payload, "-q", "1", *options]), check=True)

    def retained(self, topic):
        done = subprocess.run(self.home.inside(["mosquitto_sub", "-h", "127.0.0.1", "-t", topic, "-C", "1", "-W", "5"]), capture_output=True, text=True)
        return done.stdout.strip()

    # ---- waiting
    def until(self, what, done, patience, pause=0.2):
        """Waits for a condition; how long it took."""
        begun = time.monotonic()
        while True:
            if done():
                return time.monotonic() - begun
            if time.monotonic() - begun > patience:
                raise Failed(f"not within {patience} s: {what}")
            time.sleep(pause)

    def always(self, what, holds, seconds, pause=0.5):
        """A condition that must hold for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            expect(holds(), f"no longer: {what}")
            time.sleep(pause)

    def retry(self, call, patience=60):
        end = time.monotonic() + patience
        while True:
            try:
                return call()
            except (Refused, OSError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.3)

    def tcp(self, port):
        return subprocess.run(self.home.inside(["sh", "-c", f"ss -Hltn 'sport = :{port}' | grep -q ."])).returncode == 0

    # ---- restarts
    def restart(self, which):
        if which == "daemon":
            self.daemon.stop()
            self.daemon.start()
        elif which == "broker":
            self.broker.stop()
            self.broker.start()
            self.until("the broker listens", lambda: self.tcp(1883), 20)
        else:
            self.hass.stop(patience=60)
            self.hass.start()
            self.until("Home Assistant answers", self.answers, 120)
            self.until("Home Assistant runs", self.runs, 120)
