"""A device deleted in Home Assistant stays deleted, until somebody asks for it again."""

from stories.unknown_device import MAC
from world import expect


def tell(world):
    device = world.device(MAC)["id"]
    identifier = world.identifier(device)
    entry = world.registry_device(identifier)
    expect(entry, f"{identifier} is there to be deleted")
    world.api.command("config/device_registry/remove", device_id=entry["id"])
    gone = lambda: world.registry_device(identifier) is None
    world.until("it is gone", gone, 10)
    topic = f"homeassistant/device/{identifier}/config"
    expect(world.retained(topic) == "", "its announcement is empty")
    world.always("it stays deleted", gone, 5)
    world.restart("daemon")
    world.until("the daemon is back", lambda: world.state("binary_sensor.porchlight_online") == "on", 60)
    world.always("it stays deleted after a restart of Porchlight", gone, 10)
    world.restart("hass")
    world.until("our entities are back", lambda: world.state("device_tracker.anna_s_phone") == "home", 60)
    world.always("it stays deleted after a restart of Home Assistant", gone, 10)

    world.publish("porchlight/home/request/device/expose", f'{{"id":"back","device":"{device}"}}')
    world.until("it is back when asked for", lambda: not gone(), 20)
