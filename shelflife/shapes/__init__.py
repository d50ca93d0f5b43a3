"""What leaves the engine as JSON: each shape once, a module a resource.

A module has the shape as a typed value, whose fields are documented where they stand, and the function that
makes it from what the engine returns. The command line prints these values, HTTP sends them, the service's
`StorageManager` returns them; the OpenAPI document is made from the same types. So they cannot differ.

schema   what shapes are made of: counts, times, words of an enumeration
path     a path as text, with its bytes beside it where text does not do
stats · plan · run · cleanup · why · check · hold · trash · alert · metrics · disk · outlook · error

Times are ISO 8601 in UTC with offset, sizes are bytes. A key that is not always there is `NotRequired`; all
others are present, with null where there is no value. Imports nothing that is slow to import.
"""
