"""In whatever order Home Assistant, the broker and Porchlight come up, all is as before within 15 seconds."""
import itertools
import os
import time

from world.checks import need, same, until

PARTS = ("assistant", "broker", "porchlight")
# Home Assistant looks for a lost broker each 10 s; the rest is ours.
PATIENCE = 15


def tell(home):
    orders = list(itertools.permutations(PARTS))
    # A wiped broker and a power cut fall on every order in turn; LONG=1 tries all four ways with each.
    ways = [(order, number % 2 == 1, number // 2 % 2 == 1) for number, order in enumerate(orders)]
    if os.environ.get("LONG"):
        ways = list(itertools.product(orders, (False, True), (False, True)))
    elif home.short:
        ways = ways[1:3]
    table, registry, begun = home.settled(), home.registry(), time.time()
    for order, wiped, cut in ways:
        name = f"{' '.join(order)}, store {'wiped' if wiped else 'kept'}, {'power cut' if cut else 'one by one'}"
        start = time.monotonic()
        if cut:
            home.kill_all()
        for part in order:
            restart(home, part, wiped, cut)
        up = time.monotonic()

        def as_before():
            need(not home.unwell(), f"unwell: {home.unwell()}")
            return same(table, home.table(), "states")
        took = until(PATIENCE, f"as before, after {name}", as_before, pause=0.5)
        same(registry, home.registry(), f"registry after {name}")
        print(f"     {name}: {up - start:.0f} s of restarts, all as before {took:.1f} s later", flush=True)
        # Neither side holds old news: a change goes round, both ways.
        switch = home.entity("phone", "alerts")
        for word in ("off", "on"):
            home.assistant.call("switch", f"turn_{word}", entity_id=switch)
            until(5, f"a switch turned {word} after {name}", lambda: home.assistant.state(switch) == word)
        home.settled()
        same(table, home.table(), f"states some time after {name}")
    time.sleep(2)  # the recorder commits once a second
    moved = {(entity, state) for entity, state in home.moves(begun) if entity in table and state not in (table[entity], "unknown", "unavailable")}
    need(not moved, f"somebody or something moved meanwhile: {moved}")


def restart(home, part, wiped, cut):
    if part == "assistant":
        home.assistant.stop()
        home.assistant.start()
    elif part == "broker":
        home.broker.stop()
        if wiped:
            home.wipe_broker()
        home.start_broker()
    else:
        if not cut:
            home.stop_porchlight()
        home.start_porchlight()
