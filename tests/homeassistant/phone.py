"""A pretended phone with Home Assistant's app: receives pushes and presses their buttons."""

import json
import pathlib
import re
import subprocess
import sys

PORT = 8991


class Phone:
    def __init__(self, world, name):
        self.world, self.name = world, name
        self.slug = re.sub(r"[^a-z0-9]+", "_", name.lower())
        self.file = world.folder / f"pushes-{self.slug}"
        self.child = self.webhook = self.device = None

    def start(self):
        self.file.touch()
        argv = ["/usr/bin/python3", "-B", str(pathlib.Path(__file__)), str(self.file), str(PORT)]
        self.child = subprocess.Popen(self.world.home.inside(argv), stdin=subprocess.DEVNULL)
        self.world.until("the phone listens", lambda: self.world.tcp(PORT), 10)
        made = self.world.api.post("/api/mobile_app/registrations", {
            "device_id": self.slug, "app_id": "porchlight.tests", "app_name": "Tests", "app_version": "1", "device_name": self.name,
            "manufacturer": "Nobody", "model": "Phone", "os_name": "Tests", "os_version": "1", "supports_encryption": False,
            "app_data": {"push_url": f"http://127.0.0.1:{PORT}/push", "push_token": "none"}})
        self.webhook = made["webhook_id"]
        service = f"mobile_app_{self.slug}"
        self.world.until(f"notify.{service} is there", lambda: any(
            d["domain"] == "notify" and service in d["services"] for d in self.world.api.get("/api/services")), 30)
        devices = self.world.api.command("config/device_registry/list")
        self.device = next(d["id"] for d in devices if ["mobile_app", self.slug] in d["identifiers"])

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.terminate()
            self.child.wait()

    def pushes(self):
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def press(self, action):
        self.world.api.post(f"/api/webhook/{self.webhook}", {"type": "fire_event", "data": {
            "event_type": "mobile_app_notification_action", "event_data": {"action": action}}}, token=False)


def serve(file, port):
    """The push server: each push is one line of JSON in `file`."""
    from aiohttp import web

    async def push(request):
        body = await request.json()
        with open(file, "a") as lines:
            lines.write(json.dumps(body) + "\n")
        limits = {"successful": 1, "errors": 0, "maximum": 500, "resetsAt": "2099-01-01T00:00:00Z"}
        return web.json_response({"rateLimits": limits}, status=201)

    app = web.Application()
    app.router.add_post("/push", push)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
