"""The network of the pretended home: one namespace for us, one for the switch, one for each device."""

import subprocess


def ip(*argv):
    subprocess.run(["ip", *argv], check=True, capture_output=True)


class Home:
    HUB = "10.97.0.2"

    def __init__(self, prefix):
        self.hub, self.switch, self.prefix = f"{prefix}-hub", f"{prefix}-lan", prefix
        self.spaces = []

    def up(self):
        for space in (self.hub, self.switch):
            self.make(space)
        ip("-n", self.switch, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        ip("-n", self.switch, "link", "set", "br0", "up")
        self.plug(self.hub, "hub", "02:00:00:00:97:02", self.HUB)
        # A router, so that the network has a gateway.
        self.join("router", "b8:27:eb:00:97:01", "10.97.0.1")
        ip("-n", self.hub, "route", "add", "default", "via", "10.97.0.1")

    def down(self):
        # Interfaces go with their namespaces.
        for space in reversed(self.spaces):
            subprocess.run(["ip", "netns", "delete", space], capture_output=True)

    def make(self, space):
        ip("netns", "add", space)
        self.spaces.append(space)
        ip("-n", space, "link", "set", "lo", "up")

    def plug(self, space, name, mac, address):
        ip("link", "add", "eth0", "netns", space, "address", mac, "type", "veth", "peer", "name", f"p-{name}", "netns", self.switch)
        ip("-n", self.switch, "link", "set", f"p-{name}", "master", "br0", "up")
        ip("-n", space, "address", "add", f"{address}/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "up")

    def join(self, name, mac, address):
        """A device that was never here."""
        space = f"{self.prefix}-{name}"
        self.make(space)
        self.plug(space, name, mac, address)
        self.speak(name)

    def leave(self, name):
        ip("-n", f"{self.prefix}-{name}", "link", "set", "eth0", "down")

    def come(self, name):
        ip("-n", f"{self.prefix}-{name}", "link", "set", "eth0", "up")
        self.speak(name)

    def speak(self, name):
        """A device that joins asks for something."""
        subprocess.run(["ip", "netns", "exec", f"{self.prefix}-{name}", "ping", "-c1", "-W1", self.HUB], capture_output=True)

    def inside(self, argv):
        """A command in our own namespace."""
        return ["ip", "netns", "exec", self.hub, *argv]
