"""Cleanups that run by themselves: in the application, or by cron and systemd.

scheduler   starts, stops, and runs a cleanup at once: what applications use
running     a scheduler as an async context
job         what is done when a slot of the schedule has come
watch       looking after the disks in between
current     the configuration in force, read again while the application runs
clockwork   APScheduler, made to keep time by our slots
calendar    cron strings as systemd writes them
units       texts for crontab and systemd

The slots themselves are `shelflife.policy.schedule`.
"""

from __future__ import annotations

from shelflife.schedule.running import running
from shelflife.schedule.scheduler import Scheduler
from shelflife.schedule.unit_files import cron_table, systemd_units

__all__ = ["Scheduler", "cron_table", "running", "systemd_units"]
