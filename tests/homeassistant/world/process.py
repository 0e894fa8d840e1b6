"""One program that we started, ended by its own id."""
import signal
import subprocess

from .checks import Failed, need


class Process:
    def __init__(self, name, folder, words, env=None):
        self.name, self.log, self.words, self.env, self.child = name, folder / f"{name}.log", words, env, None

    def start(self):
        need(not self.alive(), f"{self.name} runs already")
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, cwd="/")

    def stop(self, how=signal.SIGTERM, patience=40):
        if not self.alive():
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

    def text(self):
        return self.log.read_text(errors="replace")

    def tail(self, lines=15):
        return "\n".join(self.text().splitlines()[-lines:])
