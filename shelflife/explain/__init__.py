"""Answers: what the engine knows, told to people and to their programs.

why           what will happen to one path, or what happened to it
check         whether a storage can be looked after as it is
presentation  the shapes in which CLI and HTTP show statistics, plans, runs and paths
"""
