"""The file system, through held directory descriptors only.

kernel     the system calls that Python does not offer
anchor     an area's directory held open; everything below is opened from it, and never leaves it
listing    reading a directory: the hot primitive
survey     one directory in numbers, as the index records it
removal    checking and removing a batch of listed entries: the other hot primitive
units      a directory that goes as one
mounts     which file system a path is on, and what can be trusted of it
"""
