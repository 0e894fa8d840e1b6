"""A broker, Home Assistant and Porchlight in one network."""
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess

from .assistant import Assistant
from .checks import Failed, found, need, sh, until
from .network import Network, mac
from .phone import Phone
from .process import Process

STATE = pathlib.Path(os.environ.get("PORCHLIGHT_TESTS") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "porchlight-tests").resolve()
# Times of a home that lives faster than ours.
SETTINGS = {
    "network": {"interfaces": ["eth0"]},
    "alerts": {"settle": "1s"},
    "detectors": {"new_device": {"wait": "1s"}},
    "presence": {"away_min": "8s", "away_after": {"unknown": "10s", "phone": "10s"}, "ask_after": {"busy": "3s", "idle": "3s", "asleep": "3s"},
                 "asks_per_hour": 3600, "asks_per_day": 86400, "grace": "0s", "hold_mass": "0s"},
    "scanners": {"arp_sweep": {"interval": "5s"}, "netlink": {"interval": "5s"}},
}
# What never happened is unknown by right; and Home Assistant forgets when it happened if it goes down while it is
# cut off from the broker.
HAPPENS = ("event.", "button.")
# Told once a minute at most.
SLOW = ("sensor.porchlight_devices",)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Home:
    def __init__(self, binary, release, folder):
        self.binary, self.folder = str(pathlib.Path(binary).resolve()), folder
        self.network = Network()
        self.phone = None
        self.settings = json.loads(json.dumps(SETTINGS))
        self.network.build()
        self.network.enter()
        self.mqtt_port = free_port()
        self.passwords = {user: secrets.token_hex(8) for user in ("homeassistant", "porchlight", "other")}
        self.broker = self.make_broker()
        self.assistant = Assistant(release, STATE / "root", folder, free_port())
        self.porchlight = self.make_porchlight()

    def start(self):
        shutil.copytree(pathlib.Path(__file__).with_name("neighbour"), self.assistant.config / "custom_components" / "neighbour",
                        ignore=shutil.ignore_patterns("__pycache__"))
        self.start_broker()
        self.assistant.start()
        self.assistant.configure("mqtt", broker="127.0.0.1", port=self.mqtt_port, username="homeassistant", password=self.passwords["homeassistant"],
                                 set_client_cert=False, set_ca_cert="off", transport="tcp", **({"protocol": "5"} if self.assistant.new else {}))
        self.start_porchlight()
        until(60, "Porchlight is online", lambda: self.assistant.state("binary_sensor.porchlight_online") == "on")

    def stop(self):
        for process in (self.porchlight, self.assistant.process, self.broker):
            try:
                process.stop()
            except Failed as slow:
                print(f"   {slow}", flush=True)
        if self.phone:
            self.phone.stop()

    # ---- the broker

    def make_broker(self):
        store = self.folder / "broker"
        store.mkdir()
        for number, (user, password) in enumerate(self.passwords.items()):
            sh("mosquitto_passwd", "-b", *(["-c"] if number == 0 else []), str(store / "users"), user, password)
        (store / "conf").write_text(f"listener {self.mqtt_port} 127.0.0.1\nuser root\nallow_anonymous false\npassword_file {store}/users\n"
                                    f"persistence true\npersistence_location {store}/\nlog_dest stderr\nlog_type all\nconnection_messages true\n")
        return Process("broker", self.folder, [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(store / "conf")])

    def start_broker(self):
        self.broker.start()
        until(10, "the broker listens", lambda: socket.create_connection(("127.0.0.1", self.mqtt_port), 1).close() is None)

    def wipe_broker(self):
        (self.folder / "broker" / "mosquitto.db").unlink(missing_ok=True)

    def client(self, *more):
        return ["-h", "127.0.0.1", "-p", str(self.mqtt_port), "-u", "other", "-P", self.passwords["other"], *more]

    def publish(self, topic, payload, *more):
        sh("mosquitto_pub", *self.client("-t", topic, "-q", "1", "-m", payload, *more))

    def retained(self, pattern):
        """All that the broker keeps below a pattern, as topic → payload."""
        done = subprocess.run(["mosquitto_sub", *self.client("-t", pattern, "-v", "--retained-only", "-W", "1")], capture_output=True, text=True)
        return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)

    def emptied_by_us(self, topic):
        """Whether Porchlight itself published an empty payload there, by the broker's own log."""
        return re.search(rf"Received PUBLISH from porchlight-\S+ \([^)]*'{re.escape(topic)}', \.\.\. \(0 bytes\)", self.broker.text()) is not None

    # ---- Porchlight

    def make_porchlight(self):
        self.settings["mqtt"] = {"url": f"mqtt://127.0.0.1:{self.mqtt_port}", "username": "porchlight", "password": self.passwords["porchlight"], "node": "home"}
        self.settings["homeassistant"] = {"url": self.assistant.url, "token_file": str(self.folder / "token")}
        self.write_settings()
        return Process("porchlight", self.folder, [*self.words("run"), "--log-level", "debug"], {"PATH": os.environ["PATH"], "HOME": "/nonexistent"})

    def write_settings(self):
        file = self.folder / "porchlight.yaml"
        file.touch(0o600)
        file.write_text(json.dumps(self.settings, indent=1))

    def words(self, *verb):
        return [self.binary, "--config", str(self.folder / "porchlight.yaml"), "--state-dir", str(self.folder / "state"), *verb]

    def start_porchlight(self):
        self.porchlight.start()

    def stop_porchlight(self):
        self.porchlight.stop()
        need(self.porchlight.child is None or self.porchlight.child.returncode == 0, f"porchlight ended so:\n{self.porchlight.tail()}")

    def said(self, *verb):
        """What a verb of the command line prints."""
        return sh(*self.words(*verb), timeout=30)

    def checked(self):
        """What doctor finds, whether it is content or not."""
        return json.loads(subprocess.run(self.words("--json", "doctor"), capture_output=True, text=True, timeout=60).stdout)

    def answers(self):
        """Whether the daemon answers on its own socket."""
        return subprocess.run(self.words("health"), capture_output=True, timeout=30).returncode == 0

    def known(self, name):
        """What Porchlight knows of the device with that cable."""
        rows = [r for r in json.loads(self.said("--json", "devices"))["devices"] if mac(name) in r["macs"]]
        need(rows, f"porchlight does not know {mac(name)}")
        return rows[0]

    def set(self, name, what, value):
        self.said("device", "set", self.known(name)["id"], what, value)

    def forget(self, name):
        self.said("device", "forget", self.known(name)["id"])

    def instance(self):
        return json.loads(found(5, "bridge/info", lambda: self.retained("porchlight/+/bridge/info")).popitem()[1])["instance"]

    def identifier(self, name):
        """What Porchlight calls that device in Home Assistant."""
        return f"porchlight_{self.instance()}_{self.known(name)['id']}"

    # ---- what Home Assistant shows of it

    def shown(self, name):
        """The device in Home Assistant's registry, or nothing."""
        return self.assistant.device(self.identifier(name))

    def entity(self, name, key):
        """The entity id of one key of that device, by the unique id Porchlight gave it."""
        unique = f"{self.identifier(name)}_{key}"
        rows = [e["entity_id"] for e in self.assistant.entities() if e["unique_id"] == unique]
        need(rows, f"Home Assistant has no {unique}")
        return rows[0]

    def table(self):
        """Every entity of ours, of persons and of zones, by state. Of what happens only whether it is available."""
        ours = {e["entity_id"] for e in self.assistant.entities() if e["unique_id"].startswith("porchlight_")} - set(SLOW)
        return {k: "available" if k.startswith(HAPPENS) and s["state"] != "unavailable" else s["state"] for k, s in self.assistant.states().items()
                if k in ours or k.startswith(("person.", "zone.")) and k != "person.resident"}

    def unwell(self):
        """Entities that are unavailable, or unknown without a right to be."""
        states = self.assistant.states()
        return {k: v for k, v in self.table().items() if v == "unavailable" or v == "unknown"
                and "unknown" not in states[k]["attributes"].get("options", [])}

    def settled(self, seconds=20):
        """The table, once nothing is missing in it and nothing moves any more."""
        last = [None]

        def look():
            before, last[0] = last[0], self.table()
            need(not self.unwell(), f"{self.unwell()}")
            return before == last[0]
        until(seconds, "everything has a state, and it stays", look, pause=1)
        return last[0]

    def registry(self):
        """What must never change by itself."""
        return {e["unique_id"]: (e["entity_id"], e["disabled_by"]) for e in self.assistant.entities()
                if e["unique_id"].startswith("porchlight_")}

    def rows(self):
        """How many states the recorder wrote for persons, zones and trackers."""
        with sqlite3.connect(f"file:{self.assistant.config}/home-assistant_v2.db?mode=ro", uri=True, timeout=10) as base:
            return dict(base.execute("select m.entity_id, count(*) from states s join states_meta m using (metadata_id) where m.entity_id glob 'person.*' "
                                     "or m.entity_id glob 'zone.*' or m.entity_id glob 'device_tracker.*' group by 1").fetchall())

    def moves(self, since):
        """States that the recorder wrote for persons and trackers after a time, as (entity, state)."""
        with sqlite3.connect(f"file:{self.assistant.config}/home-assistant_v2.db?mode=ro", uri=True, timeout=10) as base:
            return set(base.execute("select m.entity_id, s.state from states s join states_meta m using (metadata_id) where s.last_updated_ts > ? "
                                    "and (m.entity_id glob 'person.*' or m.entity_id glob 'device_tracker.*')", (since,)).fetchall())

    def own_phone(self):
        """The resident's phone, registered once."""
        self.phone = self.phone or Phone(self.assistant, "Pixel")
        return self.phone

    def blueprint(self, name):
        """A blueprint as the program prints it, saved through Home Assistant's own validation."""
        path = f"porchlight/{name}.yaml"
        self.assistant.ask("blueprint/save", domain="automation", path=path, yaml=self.said("blueprints", "print", name), allow_override=True)
        loaded = self.assistant.ask("blueprint/list", domain="automation")[path]
        need("error" not in loaded, f"{path}: {loaded.get('error')}")
        return path

    # ---- what a story leaves in the logs

    def complaints(self, since=0):
        """What Home Assistant holds against us."""
        mine = []
        for level, logger, text in self.assistant.complaints(since):
            # Home Assistant empties the topic of a device that a person deleted, once for each entity, and
            # then warns of its own echo. Ours only if Porchlight emptied that topic too.
            echo = re.match(r"No device components to cleanup for (\S+),", text)
            if echo and not self.emptied_by_us(f"homeassistant/device/{echo[1]}/config"):
                continue
            mine.append(f"{level} [{logger}] {text[:600]}")
        return mine

    def crash(self):
        """The daemon's own last words, if it had any."""
        return [line for line in self.porchlight.text().splitlines() if re.search(r"\bERROR\b|panicked", line)]

    def kill_all(self):
        """A power cut: nothing says goodbye."""
        for process in (self.porchlight, self.assistant.process, self.broker):
            process.stop(signal.SIGKILL)
