"""A pretended phone with Home Assistant's app: it registers as the app does, receives pushes, and presses their buttons."""
import http.server
import json
import threading
import urllib.request

from .checks import found, until


class Phone:
    def __init__(self, assistant, name):
        self.name, self.pushes = name, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        made = assistant.post("/api/mobile_app/registrations", {
            "device_id": name.lower(), "app_id": "tests", "app_name": "Tests", "app_version": "1", "device_name": name, "manufacturer": "Nobody",
            "model": "Phone", "os_name": "Tests", "os_version": "1", "supports_encryption": False,
            "app_data": {"push_url": f"http://127.0.0.1:{self.server.server_address[1]}/push", "push_token": "token"}})
        self.tracker = f"device_tracker.{name.lower()}"
        self.webhook = f"{assistant.url}/api/webhook/{made['webhook_id']}"
        service = f"mobile_app_{name.lower()}"
        until(30, f"notify.{service}", lambda: any(s["domain"] == "notify" and service in s["services"] for s in assistant.get("/api/services")))
        self.device = found(10, "the phone's device", lambda: next(
            d["id"] for d in assistant.ask("config/device_registry/list") if ["mobile_app", name.lower()] in d["identifiers"]))

    def handler(self):
        pushes = self.pushes

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                pushes.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass
        return Handler

    def got(self, text, since=0):
        """Pushes whose message holds a text."""
        return [push for push in self.pushes[since:] if text in push["message"]]

    def press(self, action):
        """As the app does when a button of a push is pressed."""
        self.say("fire_event", {"event_type": "mobile_app_notification_action", "event_data": {"action": action}})

    def locate(self, latitude, longitude):
        """As the app does when the phone has moved."""
        self.say("update_location", {"gps": [latitude, longitude], "gps_accuracy": 12})

    def say(self, kind, data):
        body = {"type": kind, "data": data}
        request = urllib.request.Request(self.webhook, json.dumps(body).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def stop(self):
        self.server.shutdown()
