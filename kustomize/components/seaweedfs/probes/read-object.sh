. "${0%/*}/object.sh"
# A gateway goes on asking a filer that is gone for users and policies, until the same is noticed in another request: a
# list is one that always reaches a filer.
object GET "$bucket" >/dev/null || exit 1
is_readable
