"""How a person is woken: one alert an episode and channel, tried again until it gets through or somebody takes it over."""

from smo_pipelines.alerts.channels import Channel, open_channels
from smo_pipelines.alerts.delivery import RETRY, Retry, send_alert, send_waiting
from smo_pipelines.alerts.log import AlertLog, LoggedAlert

__all__ = ["RETRY", "AlertLog", "Channel", "LoggedAlert", "Retry", "open_channels", "send_alert", "send_waiting"]
