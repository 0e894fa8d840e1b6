"""A restart of Porchlight alone moves no person and writes no row for people and trackers."""

import sqlite3
import time

from world import expect


def tell(world):
    time.sleep(2)  # the recorder commits each second
    before, states = rows(world), table(world)
    world.restart("daemon")
    # The old `online` stands until the new daemon is there; ask itself, not Home Assistant.
    world.until("the daemon answers", lambda: healthy(world), 60)
    world.always("Anna is home", lambda: world.state("person.anna") == "home", 20)
    time.sleep(2)
    after = rows(world)
    moved = {entity: (before.get(entity, 0), count) for entity, count in after.items() if count != before.get(entity, 0)}
    expect(not moved, f"rows before and after: {moved}")
    expect(table(world) == states, f"states changed: {difference(states, table(world))}")


def healthy(world):
    try:
        return world.printed("health") is not None
    except Exception:
        return False


def rows(world):
    """Recorded states of persons, zones and trackers."""
    base = sqlite3.connect(f"file:{world.folder}/config/home-assistant_v2.db?mode=ro", uri=True, timeout=10)
    try:
        return dict(base.execute("select m.entity_id, count(*) from states s join states_meta m on m.metadata_id = s.metadata_id "
                                 "where m.entity_id glob 'person.*' or m.entity_id glob 'zone.*' or m.entity_id glob 'device_tracker.*' group by 1"))
    finally:
        base.close()


# Values that may differ after a restart without anybody being wrong.
FLUID = ("event.", "sensor.porchlight_devices", "binary_sensor.porchlight_problem", "update.", "sun.", "sensor.sun", "conversation.", "sensor.backup", "automation.")


def table(world):
    return {e: s["state"] for e, s in world.states().items() if not e.startswith(FLUID)}


def difference(before, after):
    return {e: (before.get(e), after.get(e)) for e in sorted(before.keys() | after.keys()) if before.get(e) != after.get(e)}
