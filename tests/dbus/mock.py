#!/usr/bin/python3
"""bluetoothd and NetworkManager as python-dbusmock plays them, told what to do by lines on stdin.

Each line is answered by `ok ...` or `error ...`. The advertisement monitor, which Debian's template lacks, is
added here. Uses the bus of DBUS_SYSTEM_BUS_ADDRESS, which must be a private one.
"""

import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

import dbusmock.mockobject
from dbusmock import OBJECT_MANAGER_IFACE
from dbusmock.mockobject import DBusMockObject, objects

ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
MANAGER = "org.bluez.AdvertisementMonitorManager1"
MONITOR = "org.bluez.AdvertisementMonitor1"

assert "DBUS_SYSTEM_BUS_ADDRESS" in os.environ, "a private bus is needed"
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
names = []
# Activated monitors: (unique name, path).
monitors = []
registered = []


def bluez():
    names.append(dbus.service.BusName("org.bluez", bus, do_not_queue=True))
    root = DBusMockObject(names[-1], "/", "org.bluez", {}, logfile="/dev/null", is_object_manager=True)
    objects["/"] = root
    root.AddTemplate("bluez5", {})


def register_monitor(_self, path):
    registered.append(str(path))


def unregister_monitor(_self, path):
    for monitor in [m for m in monitors if m[1].startswith(str(path))]:
        monitors.remove(monitor)


def adapter(name, with_monitor):
    objects["/"].AddAdapter(name, "test")
    if with_monitor != "no":
        objects["/org/bluez/" + name].AddMethods(MANAGER, [
            ("RegisterMonitor", "o", "", register_monitor), ("UnregisterMonitor", "o", "", unregister_monitor),
        ])



def poll_monitors():
    """bluetoothd looks at the object manager of whoever registered; here every client is asked for it."""
    def found(sender):
        def take(children):
            for path, interfaces in children.items():
                if MONITOR in interfaces and (sender, str(path)) not in monitors:
                    assert interfaces[MONITOR]["Type"] == "or_patterns" and len(interfaces[MONITOR]["Patterns"]) > 0
                    monitors.append((sender, str(path)))
                    tell = dbus.Interface(bus.get_object(sender, path, introspect=False), MONITOR)
                    tell.Activate(reply_handler=lambda: None, error_handler=lambda _: None)
        return take

    for root in registered:
        for sender in bus.list_names():
            if sender.startswith(":") and sender != bus.get_unique_name():
                client = dbus.Interface(bus.get_object(sender, root, introspect=False), OBJECT_MANAGER_IFACE)
                client.GetManagedObjects(reply_handler=found(sender), error_handler=lambda _: None, timeout=1)
    return True


def advertise(adapter_name, address, kind, dbm, name="", maker="", service=""):
    path = f"/org/bluez/{adapter_name}/dev_" + address.replace(":", "_")
    properties = {
        "Address": dbus.String(address), "AddressType": dbus.String(kind), "Alias": dbus.String(name or address),
        "Paired": dbus.Boolean(False), "Connected": dbus.Boolean(False), "Trusted": dbus.Boolean(False),
        "Blocked": dbus.Boolean(False), "LegacyPairing": dbus.Boolean(False),
        "ServicesResolved": dbus.Boolean(False), "UUIDs": dbus.Array([], signature="s"),
        "Adapter": dbus.ObjectPath("/org/bluez/" + adapter_name), "RSSI": dbus.Int16(int(dbm)),
    }
    if name:
        properties["Name"] = dbus.String(name)
    told = {"RSSI": properties["RSSI"]}
    if maker:
        company, data = maker.split("=")
        data = dbus.Array(bytes.fromhex(data), signature="y", variant_level=1)
        told["ManufacturerData"] = dbus.Dictionary({dbus.UInt16(int(company, 16)): data}, signature="qv")
    if service:
        uuid, data = service.split("=")
        data = dbus.Array(bytes.fromhex(data), signature="y", variant_level=1)
        uuid = f"0000{uuid}-0000-1000-8000-00805f9b34fb"
        told["ServiceData"] = dbus.Dictionary({dbus.String(uuid): data}, signature="sv")
    properties.update(told)
    if path in objects:
        objects[path].props[DEVICE].update(told)
        objects[path].EmitSignal(dbus.PROPERTIES_IFACE, "PropertiesChanged", "sa{sv}as",
                                 [DEVICE, dbus.Dictionary(told, signature="sv"), dbus.Array([], signature="s")])
    else:
        objects["/"].AddObject(path, DEVICE, properties, [])
        shown = {key: value.__class__(value, variant_level=1) if not isinstance(value, (dbus.Dictionary, dbus.Array))
                 else value for key, value in properties.items()}
        objects["/"].EmitSignal(OBJECT_MANAGER_IFACE, "InterfacesAdded", "oa{sa{sv}}",
                                [dbus.ObjectPath(path), {DEVICE: dbus.Dictionary(shown, signature="sv")}])
        for sender, monitor in list(monitors):
            tell = dbus.Interface(bus.get_object(sender, monitor, introspect=False), MONITOR)
            tell.DeviceFound(dbus.ObjectPath(path), reply_handler=lambda: None, error_handler=lambda _: None)



def power(name, on):
    objects["/org/bluez/" + name].UpdateProperties(ADAPTER, {"Powered": dbus.Boolean(on == "true")})


def connected(adapter_name, address, name, class_):
    objects["/"].AddDevice(adapter_name, address, name)
    path = f"/org/bluez/{adapter_name}/dev_" + address.replace(":", "_")
    # A device that is connected has no level of advertisements.
    objects[path].props[DEVICE].pop("RSSI")
    for key in ("ManufacturerData", "ServiceData", "AdvertisingFlags", "AdvertisingData", "Modalias", "UUIDs"):
        objects[path].props[DEVICE].pop(key)
    objects[path].UpdateProperties(DEVICE, {
        "Class": dbus.UInt32(int(class_, 16)), "Paired": dbus.Boolean(True), "Connected": dbus.Boolean(True),
    })


def asked(name):
    props = objects["/org/bluez/" + name].props[ADAPTER]
    found = props.get("DiscoveryFilter") or {}
    calls = [call[1] for call in objects["/org/bluez/" + name].call_log]
    return "discoveries={} filter={}/{} monitors={}".format(
        calls.count("StartDiscovery"), found.get("Transport"), found.get("DuplicateData"), len(registered))


def networkmanager():
    names.append(dbus.service.BusName("org.freedesktop.NetworkManager", bus, do_not_queue=True))
    main = DBusMockObject(names[-1], "/org/freedesktop", "org.freedesktop.NetworkManager", {}, logfile="/dev/null",
                          is_object_manager=True)
    objects["/org/freedesktop"] = main
    main.AddTemplate("networkmanager", {})


def wifi(interface):
    objects["/org/freedesktop"].AddWiFiDevice(interface, interface, 100)
    objects["/org/freedesktop/NetworkManager/Devices/" + interface].AddProperty(
        "org.freedesktop.NetworkManager.Device.Wireless", "ActiveAccessPoint", dbus.ObjectPath("/"))


def access_point(interface, name, ssid, bssid, frequency, strength, security, active="no"):
    device = "/org/freedesktop/NetworkManager/Devices/" + interface
    path = objects["/org/freedesktop"].AddAccessPoint(
        device, name, ssid, bssid, 2, int(frequency), 54000, int(strength), int(security, 16))
    if active == "active":
        wireless = objects[device].props["org.freedesktop.NetworkManager.Device.Wireless"]
        wireless["ActiveAccessPoint"] = dbus.ObjectPath(path)


COMMANDS = {
    "bluez": bluez, "adapter": adapter, "advertise": advertise, "power": power, "connected": connected,
    "asked": asked, "networkmanager": networkmanager, "wifi": wifi, "access_point": access_point,
}


def heard(channel, _condition):
    line = channel.readline()
    if not line:
        loop.quit()
        return False
    words = line.rstrip("\n").split("\t")
    try:
        print("ok", COMMANDS[words[0]](*words[1:]) or "", flush=True)
    except Exception as error:  # the test says what it was
        print("error", repr(error), flush=True)
    return True


loop = GLib.MainLoop()
GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, heard)
GLib.timeout_add(200, poll_monitors)
print("ready", flush=True)
loop.run()
