"""Home Assistant's log has no warning and no error that names Porchlight or MQTT."""

import re

from world import expect

LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:.+-]+ (WARNING|ERROR|CRITICAL) \(([^)]*)\) \[([^\]]+)\] (.*)$")
# A broker that goes is said to be gone; we stopped it ourselves.
OURS = re.compile(r"Disconnected from MQTT|Failed to connect to MQTT|Error returned from MQTT server|Connection refused|The connection was lost", re.I)


def tell(world):
    records, found = [], []
    for line in world.hass.log.read_text(errors="replace").splitlines():
        match = LINE.match(line)
        if match:
            records.append([match[1], match[3], match[4]])
        elif records:
            records[-1][2] += "\n" + line
    for level, logger, text in records:
        if re.search("porchlight|mqtt", f"{logger} {text}", re.I) and not OURS.search(text) and "skip-pip" not in text:
            found.append(f"{level} [{logger}] {text[:600]}")
    expect(not found, "\n  ".join(found))
    # And ours: nothing that a person would have to act on.
    noise = [l for l in world.daemon.log.read_text(errors="replace").splitlines() if re.search(r"\bERROR\b|panicked", l)]
    expect(not noise, "\n  ".join(noise[:10]))
