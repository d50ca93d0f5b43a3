"""Runs: what happens under the lock, from the choice of a plan to its record.

lock              one cleanup at a time over one storage
workplace         a storage with its settings: what every operation starts from
run               from the lock to the record, whatever the strategy
retention         a strategy: refresh, plan and act, area by area
approval          when a run waits for a person, and what was approved
pressure          looking at the disks, and making room on those that are too full
relief            a strategy: making room on one of them
pressure_monitor  whether the disk shows what a relief has released
reclaim           what the areas on one disk can free
recovery          what a run that was killed left open
empty             a strategy: emptying the trash
restore           back from the trash
holds             what a person pins
trash_count       what waits in the trash, counted after whatever changes it
sampling          how full areas and disks were, for the forecast
"""
