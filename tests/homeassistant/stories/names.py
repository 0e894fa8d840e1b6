"""What people rename and move in Home Assistant is in Porchlight within five seconds, and never walks in a circle."""
import json

from world.checks import always, found, need, until
from world.network import mac

PATIENCE = 5


def tell(home):
    look = home.assistant
    # Another integration's device with the printer's address.
    look.configure("neighbour", mac=mac("printer"), name="Brother HL")
    theirs = next(d["id"] for d in look.ask("config/device_registry/list") if ["neighbour", mac("printer")] in d["identifiers"])
    timed("a foreign device's own name", lambda: home.known("printer")["name"] == "Brother HL")
    look.rename(theirs, "Label printer")
    timed("a foreign device renamed", lambda: home.known("printer")["name"] == "Label printer")
    need(home.known("printer")["name_source"] in ("homeassistant", "home_assistant"), "the name's source is told")
    office = look.move(theirs, "Print room")
    timed("a foreign device moved", lambda: home.known("printer")["area"] == "Print room")
    look.ask("config/area_registry/update", area_id=office, name="Office")
    timed("an area renamed", lambda: home.known("printer")["area"] == "Office")

    # One more with the same address, announced by another program on the broker: what a person typed wins.
    home.publish("homeassistant/device/others/config", json.dumps({
        "device": {"identifiers": ["others"], "connections": [["mac", mac("printer")]], "name": "BLE sensor"}, "origin": {"name": "Others"},
        "components": {"ink": {"platform": "sensor", "unique_id": "others_ink", "name": "Ink", "state_topic": "others/ink"}}}), "-r")
    until(20, "the other program's device", lambda: look.device("others"))
    home.publish("others/ink", "7", "-r")
    always(3, "the printer keeps its name", lambda: home.known("printer")["name"] == "Label printer")

    # Devices of ours. What a person types there is the name, until they clear it.
    home.said("device", "expose", home.known("router")["id"])
    ours, old = found(20, "the router is a device there", lambda: home.shown("router"))["id"], home.known("router")["name"]
    look.rename(ours, "The box")
    timed("our device renamed", lambda: home.known("router")["name"] == "The box")
    look.move(ours, "Hall")
    timed("our device moved", lambda: home.known("router")["area"] == "Hall")
    look.rename(ours, None)
    timed("our device's name cleared", lambda: home.known("router")["name"] == old)
    timed("the old name shows", lambda: look.attribute(home.entity("router", "tracker"), "friendly_name") == old)
    # A name given in Porchlight stays, whatever is shown there.
    phone = home.shown("phone")["id"]
    look.rename(phone, "Shown only there")
    always(3, "the phone keeps its own name", lambda: home.known("phone")["name"] == "Anna's phone")
    look.rename(phone, None)
    until(PATIENCE, "its own name shows again", lambda: look.attribute("device_tracker.anna_s_phone", "friendly_name") == "Anna's phone")

    # Renamed in Porchlight: one message, same ids.
    before = home.registry()
    home.set("phone", "name", "Anna's new phone")
    timed("renamed in Porchlight", lambda: look.attribute("device_tracker.anna_s_phone", "friendly_name") == "Anna's new phone")
    need(home.registry() == before, "a rename changed ids")
    home.set("phone", "name", "Anna's phone")


def timed(what, look):
    took = until(PATIENCE, what, look)
    print(f"     {what}: {took:.1f} s", flush=True)
