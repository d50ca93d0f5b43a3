"""Measurements: ours beside every installed peer, and beside the bare system calls.

trees        what is measured on, made by loop.c
contestants  who takes part: a command, or the engine in a process of its own
ours         that process
service      what a service feels while a cleanup runs in it
workloads    what is measured, and on which tree
__main__     rounds, medians, ratios
"""
