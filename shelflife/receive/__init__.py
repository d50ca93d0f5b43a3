"""Writing into a storage: room is promised before it is used, and what is half-written has no name.

prospects  what may go from a disk, and when: what a refusal says
reserve    room that is promised to one file, and the ledger of all that is
incoming   a file that is being received, until it is published
publish    giving it its name, and the one that it replaces to the trash
"""
