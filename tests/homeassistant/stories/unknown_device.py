"""An unknown device becomes a push, and its Trust button changes the trust."""

import pathlib

from world import expect

MAC, ADDRESS = "24:6f:28:97:00:21", "10.97.0.21"
BLUEPRINT = "porchlight/unknown_device.yaml"


def tell(world):
    # As the program prints it: that is what people import.
    world.api.command("blueprint/save", domain="automation", path=BLUEPRINT, yaml=world.printed("blueprints", "print", "unknown_device"))
    phone = world.phone("Pixel")
    world.api.post("/api/config/automation/config/unknown", {"alias": "Unknown", "use_blueprint": {"path": BLUEPRINT, "input": {"phones": [phone.device]}}})
    world.until("the automation is on", lambda: world.state("automation.unknown") == "on", 20)

    world.home.join("stranger", MAC, ADDRESS)
    world.until("a push", lambda: pushes(phone), 60)
    push = pushes(phone)[0]
    device = world.device(MAC)["id"]
    actions = [action["action"] for action in push["data"]["actions"]]
    expect(actions == [f"PL_TRUST_{device}", f"PL_GUEST_{device}", f"PL_IGNORE_{device}"], f"its buttons are {actions}")
    expect(push["data"]["group"] == "porchlight" and push["data"]["channel"] == "Porchlight", f"{push['data']}")
    expect(len(pushes(phone)) == 1, "one device, one push")

    phone.press(f"PL_TRUST_{device}")
    took = world.until("it is trusted", lambda: world.device(MAC)["trust"] == "trusted", 10)
    print(f"   trusted {took:.1f} s after the press", flush=True)
    # Trusted devices get entities.
    identifier = world.identifier(device)
    world.until("it is a device over there", lambda: world.registry_device(identifier), 20)
    expect(len(phone.pushes()) == len(pushes(phone)), f"nobody complains: {phone.pushes()}")

    # And one that is ignored never gets any.
    world.home.join("nuisance", "24:6f:28:97:00:22", "10.97.0.22")
    world.until("a second push", lambda: len(pushes(phone)) == 2, 60)
    nuisance = world.device("24:6f:28:97:00:22")["id"]
    phone.press(f"PL_IGNORE_{nuisance}")
    world.until("it is hidden", lambda: world.porchlight("devices", nuisance)["devices"][0]["trust"] == "unknown", 10)
    expect(world.registry_device(world.identifier(nuisance)) is None, "an ignored device has entities")


def pushes(phone):
    return [push for push in phone.pushes() if push["title"] == "Unknown device" and "first time" in push["message"]]
