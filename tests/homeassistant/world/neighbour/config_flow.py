"""Asks for the MAC address and the name of its device."""
from homeassistant import config_entries

try:  # what newer releases validate with
    import probatio as vol
except ImportError:
    import voluptuous as vol


class Flow(config_entries.ConfigFlow, domain="neighbour"):
    VERSION = 1

    async def async_step_user(self, user_input=None):
        if user_input is None:
            return self.async_show_form(step_id="user", data_schema=vol.Schema({vol.Required("mac"): str, vol.Required("name"): str}))
        return self.async_create_entry(title=user_input["name"], data=user_input)
