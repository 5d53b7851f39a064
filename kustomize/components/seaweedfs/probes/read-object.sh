. "${0%/*}/object.sh"
is_readable
