"""In whatever order Home Assistant, the broker and Porchlight restart, the same states and entities come back."""

import itertools
import json

from stories.recorder import difference, table
from world import expect

PARTS = ("hass", "broker", "daemon")


def tell(world):
    before, registry = table(world), entities(world)
    for order in itertools.permutations(PARTS):
        for part in order:
            world.restart(part)
        name = " ".join(order)
        try:
            # Home Assistant takes up to 12 s to find a broker that restarted; that is not ours to mend.
            world.until(f"the states of before, after {name}", lambda: not difference(before, table(world)), 60)
        except Exception as late:
            raise type(late)(f"{late}; {difference(before, table(world))}") from None
        expect(entities(world) == registry, f"after {name}: {sorted(entities(world) ^ registry)}")
        world.always("nobody moves any more", lambda: world.state("person.anna") == "home", 3)

    # A broker that lost all it kept.
    world.broker.stop()
    (world.folder / "mosquitto.db").unlink()
    world.broker.start()
    world.until("the states of before, after the broker lost its store", lambda: not difference(before, table(world)), 60)
    expect(entities(world) == registry, "after the broker lost its store")
    expect(json.loads(world.retained("porchlight/home/bridge/info"))["node"] == "home", "the node stays")


def entities(world):
    return {(e["entity_id"], e["unique_id"]) for e in world.api.command("config/entity_registry/list") if e["platform"] == "mqtt"}
