# A gateway goes on asking a filer that is gone for users and policies, until the same is noticed in another request: a
# list is one that always reaches a filer.
. "${0%/*}/object.sh"
object GET "$bucket" >/dev/null && is_readable && exit 0
# A store that was emptied, or put back as it was long ago, is served again without anybody's doing.
case "$(object GET "$key" --output /dev/null --write-out '%{http_code}')" in
  404) exec /bin/sh "${0%/*}/write-object.sh" ;;
esac
exit 1
