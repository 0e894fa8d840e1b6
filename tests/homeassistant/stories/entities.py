"""Every entity of docs/entities.md appears, enabled or disabled as written there; an unnamed device has none."""
import pathlib
import re

from world.checks import need, same, until

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "entities.md"
ROW = re.compile(r"^\| [^|]+ \| `([a-z_]+\.[a-z0-9_<>]+)` \| ([a-z]*) ?\|", re.M)


def tell(home):
    rows = ROW.findall(PAGE.read_text())
    need(len(rows) > 35, f"only {len(rows)} entities found on the page")
    fixed = {entity: mark != "off" for entity, mark in rows if "<" not in entity}
    shown = {entity for entity, is_on in fixed.items() if is_on}
    until(60, "all entities that are always there", lambda: need(
        not (lost := shown - set(home.assistant.states())), f"missing: {sorted(lost)}") or True)

    for name in ("phone", "printer", "lamp"):
        home.network.join(name)
    for name in ("phone", "printer", "lamp"):
        until(60, f"the {name} is seen", lambda: home.known(name)["presence"] == "home")
    need(not home.shown("printer"), "a device that nobody named has entities")

    home.set("phone", "name", "Anna's phone")
    until(20, "her tracker is home", lambda: home.assistant.state("device_tracker.anna_s_phone") == "home")
    home.set("lamp", "name", "Lamp")
    home.said("device", "expose", home.known("lamp")["id"])
    basic = {entity.replace("<device>", "anna_s_phone") for entity, mark in rows if mark == "basic"}
    every = {entity.replace("<device>", "lamp"): mark != "off" for entity, mark in rows if "<device>" in entity}
    until(20, "all entities of an exposed device", lambda: need(
        not (lost := set(every) - {e["entity_id"] for e in home.assistant.entities()}), f"missing: {sorted(lost)}") or True)
    registry = {e["entity_id"]: e["disabled_by"] is None for e in home.assistant.entities()}
    same({**fixed, **dict.fromkeys(basic, True), **every}, registry, "enabled, by the page and by the registry")
    home.settled()
