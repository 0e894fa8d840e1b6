"""The printed dashboard is a dashboard: every view renders, without one error card."""
import re

from world.browser import Browser
from world.checks import need

ENTITY = re.compile(r"\b(?:binary_sensor|sensor|device_tracker|event|select|button|switch|number|text|person)\.[a-z0-9_]+\b")


def tell(home):
    text = home.said("dashboard", "print")
    (home.assistant.config / "porchlight.yaml").write_text(text)
    page = home.assistant.ask("lovelace/config", url_path="porchlight-page", force=True)
    named, there = set(ENTITY.findall(text)), set(home.assistant.states())
    need(named and named <= there, f"entities that do not exist: {sorted(named - there)}")
    with Browser(home) as browser:
        for view in page["views"]:
            seen = browser.look(f"/porchlight-page/{view['path']}")
            need(seen["cards"] > 0, f"{view['path']}: no card shows")
            need(not seen["errors"], f"{view['path']}: {seen['errors']}")
            print(f"     {view['path']}: {seen['cards']} cards, none an error", flush=True)
