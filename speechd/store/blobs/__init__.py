"""The bytes of stored files on disk, within their quota."""
