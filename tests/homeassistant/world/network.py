"""Network namespaces: one for the daemon, the broker and Home Assistant, one for a switch, one for each device."""
import base64
import ctypes
import os
import socket
import struct
import subprocess
import sys

from .checks import need, sh

# Addresses for documentation: RFC 5737 and RFC 7042, 2.1.1.
HUB = "192.0.2.1"
DEVICES = {name: (f"192.0.2.{number}", f"00:00:5e:00:53:{number:02x}") for number, name in enumerate(
    ["router", "phone", "printer", "lamp", "trusted", "guest", "ignored", "forgotten", "odd", "gone", "keys"], 10)}
CLONE_NEWNET = 0x40000000  # linux/sched.h

# Broadcasts one datagram from port 68 to port 67.
SEND = """import base64, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
s.bind(("", 68))
s.sendto(base64.b64decode(sys.argv[1]), ("255.255.255.255", 67))"""


def dhcp_request(name, host):
    """RFC 2131: a request for the address that it has, with its host name (RFC 2132, 3.14)."""
    ip, hardware = DEVICES[name]
    head = struct.pack("!BBBBIHH4s4s4s4s", 1, 1, 6, 0, 7, 0, 0, *[bytes(4)] * 4) + bytes.fromhex(hardware.replace(":", "")).ljust(16, b"\0") + bytes(192)
    # What it wants to know (option 55), as one system asks for it: another asks for other things, or in another order.
    wanted = bytes([1, 121, 3, 6, 15, 108, 114, 119])
    options = b"".join(bytes([code, len(value)]) + value for code, value in (
        (53, b"\x03"), (50, socket.inet_aton(ip)), (12, host.encode()), (55, wanted)))
    return head + b"\x63\x82\x53\x63" + options + b"\xff"


def address(name):
    return DEVICES[name][0]


def mac(name):
    return DEVICES[name][1]


class Network:
    def __init__(self):
        self.name = f"plt{os.getpid()}"
        self.made = []

    def build(self):
        self.space(self.name)
        switch = f"{self.name}-sw"
        self.space(switch)
        # The switch itself must not speak, or its ports would be devices too.
        sh("ip", "netns", "exec", switch, "sh", "-c",
           "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
        sh("ip", "-n", switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        sh("ip", "-n", switch, "link", "set", "br0", "up")
        self.plug(self.name, "hub", HUB, "00:00:5e:00:53:01")
        self.join("router")
        sh("ip", "-n", self.name, "route", "add", "default", "via", address("router"))

    def enter(self):
        """This process, and all that it starts from now on, is in the hub's namespace."""
        with open(f"/run/netns/{self.name}") as space:
            need(ctypes.CDLL(None, use_errno=True).setns(space.fileno(), CLONE_NEWNET) == 0, f"setns: {os.strerror(ctypes.get_errno())}")

    def space(self, name):
        sh("ip", "netns", "add", name)
        self.made.append(name)
        sh("ip", "-n", name, "link", "set", "lo", "up")

    def plug(self, name, port, ip, hardware):
        """An Ethernet cable from a namespace's eth0 to the switch."""
        switch = f"{self.name}-sw"
        sh("ip", "-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        sh("ip", "-n", name, "link", "set", "eth0", "address", hardware)
        sh("ip", "-n", name, "addr", "add", f"{ip}/24", "dev", "eth0")
        sh("ip", "-n", switch, "link", "set", port, "master", "br0", "up")
        sh("ip", "-n", name, "link", "set", "eth0", "up")

    def join(self, device, host=None):
        """A device that was never here. With a host name it asks for an address first, as nearly all do."""
        self.space(f"{self.name}-{device}")
        self.plug(f"{self.name}-{device}", device, *DEVICES[device])
        if host:
            self.ask(device, host)
        self.speak(device)

    def ask(self, device, host):
        """It asks for the address that it has."""
        sh("ip", "netns", "exec", f"{self.name}-{device}", sys.executable, "-c", SEND, base64.b64encode(dhcp_request(device, host)).decode())

    def leave(self, device):
        sh("ip", "-n", f"{self.name}-{device}", "link", "set", "eth0", "down")

    def come(self, device):
        sh("ip", "-n", f"{self.name}-{device}", "link", "set", "eth0", "up")
        self.speak(device)

    def speak(self, device):
        """A device that joins asks for something."""
        subprocess.run(["ip", "netns", "exec", f"{self.name}-{device}", "ping", "-c1", "-W1", HUB], capture_output=True)

    def remove(self):
        # Interfaces go with their namespaces.
        for name in reversed(self.made):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
