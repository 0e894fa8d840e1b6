"""Every entity that `dashboard print` names is there."""

import re

import yaml

from world import expect

ENTITY = re.compile(r"\b(?:binary_sensor|sensor|device_tracker|event|select|button|switch|number|text|person)\.[a-z0-9_]+\b")


def tell(world):
    text = world.printed("dashboard", "print")
    page = yaml.safe_load(text)
    expect([view["type"] for view in page["views"]] == ["sections"] * len(page["views"]), "views of sections")
    named = set(ENTITY.findall(text))
    expect("device_tracker.anna_s_phone" in named, "her phone is on it")
    absent = sorted(named - set(world.states()))
    expect(not absent, f"cards without an entity: {', '.join(absent)}")
    # Home Assistant takes it as it is.
    world.api.command("lovelace/dashboards/create", url_path="porch-light", title="Porchlight", require_admin=False, show_in_sidebar=False)
    world.api.command("lovelace/config/save", url_path="porch-light", config=page)
    expect(world.api.command("lovelace/config", url_path="porch-light")["views"], "it was kept")
