# Only what cannot be read is written: a server whose disk is full must still start, and serve what it has.
. "${0%/*}/object.sh"
is_readable && exit
object PUT "$bucket" || true # it may be there, from a start that was cut short
object PUT "$key" --data-raw "$content"
is_readable
