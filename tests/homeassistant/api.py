"""Home Assistant's interfaces, asked through one helper that lives in the namespace."""

import json
import pathlib
import subprocess

HELPER = pathlib.Path(__file__).parent / "call.py"


class Refused(Exception):
    """Home Assistant did not do it; the text says why."""


class Api:
    def __init__(self, world):
        self.world, self.token, self.helper = world, None, None

    def ask(self, **wanted):
        if self.helper is None or self.helper.poll() is not None:
            self.helper = subprocess.Popen(self.world.home.inside(["/usr/bin/python3", "-B", str(HELPER)]), text=True,
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.helper.stdin.write(json.dumps(wanted) + "\n")
        self.helper.stdin.flush()
        answer = json.loads(self.helper.stdout.readline())
        if not 200 <= answer["status"] < 300:
            raise Refused(f"{wanted.get('path') or wanted['commands'][-1]['type']}: {answer['status']} {str(answer['body'])[:400]}")
        return answer["body"]

    def get(self, path, token=True):
        return self.ask(method="GET", path=path, token=self.token if token else None)

    def post(self, path, body, token=True, form=False):
        return self.ask(method="POST", path=path, body=body, form=form, token=self.token if token else None)

    def delete(self, path):
        return self.ask(method="DELETE", path=path, token=self.token)

    def command(self, kind, **more):
        return self.ask(token=self.token, commands=[{"type": kind, **more}])

    def exchange(self, client, code):
        """A code for an access token."""
        return self.post("/auth/token", {"grant_type": "authorization_code", "code": code, "client_id": client}, token=False, form=True)["access_token"]

    def log_in(self, client, name, password):
        flow = self.post("/auth/login_flow", {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}, token=False)
        done = self.post(f"/auth/login_flow/{flow['flow_id']}", {"client_id": client, "username": name, "password": password}, token=False)
        return done["result"]

    def service(self, domain, name, **data):
        return self.post(f"/api/services/{domain}/{name}", data)
