"""The file system, through held directory descriptors only.

kernel     the system calls that Python does not offer
anchor     an area's directory held open; everything below is opened from it, and never leaves it
listing    reading a directory, entry by entry
survey     one directory in numbers, as the index records it
removal    checking and removing a batch of listed entries, the careful way
primitives the hot part: many directories at once, compiled (`native`) or in Python (`pure`)
reading    the values of that contract
candidates listed entries that are due, packed
notebook   what was read and will be needed again
crew       threads that read and remove
units      a directory that goes as one
mounts     which file system a path is on, and what can be trusted of it
"""
