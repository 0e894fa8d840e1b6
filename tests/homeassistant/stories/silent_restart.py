"""A restart of Porchlight alone moves no state and writes no row for persons, zones and trackers."""
import time

from world.checks import need, same, until


def tell(home):
    before = home.settled()
    time.sleep(2.5)  # the recorder commits once a second
    announced = home.retained("homeassistant/device/+/config")
    rows, published = home.rows(), home.broker.text().count("Received PUBLISH from porchlight")
    need(rows, "the recorder knows no trackers")
    home.stop_porchlight()
    home.start_porchlight()
    until(30, "the daemon answers", home.answers)
    took = until(30, "it told the broker", lambda: home.broker.text().count("Received PUBLISH from porchlight") > published)
    # Longer than the delay of its will, so that a late `offline` would show.
    time.sleep(6)
    same(before, home.table(), "states")
    same(announced, home.retained("homeassistant/device/+/config"), "what is announced")
    same(rows, home.rows(), "recorded rows")
    print(f"     told the broker after {took:.1f} s, "
          f"{home.broker.text().count('Received PUBLISH from porchlight') - published} messages in all", flush=True)
