"""The node gets another name while Home Assistant runs: no entity is lost, and no old topic stays."""
from world.checks import need, same, until


def tell(home):
    before, registry = home.settled(), home.registry()
    try:
        for node, other in (("attic", "home"), ("home", "attic")):
            rename(home, node)
            took = until(15, f"states as before as {node}", lambda: need(not home.unwell(), f"unwell: {home.unwell()}") or same(before, home.table(), "states"))
            same(registry, home.registry(), f"registry as {node}")
            print(f"     as {node}: all as before after {took:.1f} s", flush=True)
            switch = home.entity("phone", "alerts")
            for word in ("off", "on"):
                home.assistant.call("switch", f"turn_{word}", entity_id=switch)
                until(5, f"a switch turned {word} as {node}", lambda: home.assistant.state(switch) == word)
            took = until(15, "nothing is kept below the old name", lambda: need(
                not (left := sorted(home.retained(f"porchlight/{other}/#"))), f"{len(left)} topics, such as {left[:3]}") or True)
            print(f"     nothing left of {other} after {took:.1f} s more", flush=True)
            same(before, home.settled(), f"states as {node}, the old topics being gone")
            same(registry, home.registry(), f"registry as {node}, the old topics being gone")
    finally:
        if home.settings["mqtt"]["node"] != "home":
            rename(home, "home")


def rename(home, node):
    home.settings["mqtt"]["node"] = node
    home.write_settings()
    home.stop_porchlight()
    home.start_porchlight()
    until(30, f"it is online as {node}", lambda: home.retained(f"porchlight/{node}/bridge/state") and home.answers())
