"""The file system, through held directory descriptors only.

kernel     the system calls that Python does not offer
anchor     an area's directory held open; everything below is opened from it, and never leaves it
listing    reading a directory, entry by entry
survey     one directory in numbers, as the index records it
removal    checking and removing a batch of listed entries, the careful way
primitives the hot part: many directories at once, compiled (`native`) or in Python (`pure`, `bulk`)
reading    the values of that contract
known      what the index knows of a directory of files only, before it is read
candidates listed entries that are due, packed
worker_pool threads that read and remove
held       who holds an entry, by its path and by its inode
in_use     whether somebody has a file open for writing
rename     renaming without ever replacing, also where the file system cannot promise that
trial      trying out what a file system can do
trash      where what goes waits, to be restored
tree       a directory with all below it, one directory after the other
mounts     which file system a path is on, and what can be trusted of it
"""
