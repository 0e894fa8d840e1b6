"""What people type in Home Assistant is in Porchlight within five seconds, and never walks in a circle."""

import json

from stories.entities import PRINTER
from world import expect

PATIENCE = 5


def tell(world):
    # A device of another program, with the printer's MAC.
    world.publish("homeassistant/device/others_printer/config", json.dumps({
        "device": {"identifiers": ["others_printer"], "connections": [["mac", PRINTER]], "name": "Brother HL"},
        "origin": {"name": "Others"}, "components": {"ink": {"platform": "sensor", "unique_id": "others_ink", "name": "Ink", "state_topic": "others/ink"}}}), "-r")
    world.until("the other program's device", lambda: world.registry_device("others_printer"), 20)
    world.until("its name is Porchlight's", lambda: world.device(PRINTER)["name"] == "Brother HL", 10)

    theirs = world.registry_device("others_printer")["id"]
    kitchen = world.api.command("config/area_registry/create", name="Print room")["area_id"]
    world.api.command("config/device_registry/update", device_id=theirs, name_by_user="Label printer", area_id=kitchen)
    took = world.until("the new name", lambda: world.device(PRINTER)["name"] == "Label printer", PATIENCE)
    left = max(0.1, PATIENCE - took)
    took = max(took, world.until("the new area", lambda: world.device(PRINTER)["area"] == "Print room", left) + took)
    expect(world.device(PRINTER)["name_source"] == "homeassistant", "the name's source is told")
    print(f"   name and area after {took:.1f} s", flush=True)

    # The user's own name for our device stays in Home Assistant: it is not read back as a name.
    ours = world.registry_device(world.identifier(world.device_of("Anna's phone")["id"]))["id"]
    hall = world.api.command("config/area_registry/create", name="Hall")["area_id"]
    world.api.command("config/device_registry/update", device_id=ours, name_by_user="Shown only there", area_id=hall)
    world.until("our device's area", lambda: world.device_of("Anna's phone")["area"] == "Hall", PATIENCE)
    expect(world.device_of("Anna's phone")["name"] == "Anna's phone", "our own name was replaced by what Home Assistant shows")
    world.api.command("config/device_registry/update", device_id=ours, name_by_user=None)
    world.until("its own name shows again", lambda: world.attribute("device_tracker.anna_s_phone", "friendly_name") == "Anna's phone", PATIENCE)

    # Removed over there: the name stays what it was, by memory, and nothing else breaks.
    world.api.command("config/area_registry/update", area_id=kitchen, name="Cellar")
    world.until("the area's new name", lambda: world.device(PRINTER)["area"] == "Cellar", PATIENCE)
