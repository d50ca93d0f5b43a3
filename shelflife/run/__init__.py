"""Runs: what happens under the lock, from the choice of a plan to its record.

lock              one cleanup at a time over one storage
run               from the lock to the record
retention         refresh, plan and act, area by area
pressure          making room on a disk that is too full
pressure_monitor  whether it shows
reclaim           what the areas of one disk can give
recovery          what a run that was killed left open
restore           back from the trash
holds             what a person pins
sampling          how full areas and disks were, for the forecast
"""
