"""What every request passes before its route: access, limits, identifiers, counting."""
