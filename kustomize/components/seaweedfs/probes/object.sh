# The object that the probes write and read. `object GET` prints its content.
#
# /status, /healthz and /readyz of a gateway answer 200 whatever happens: also before a restarted volume server is found
# again, when an object comes back cut short. So what a client does is done here: a signed request, and the whole body
# must arrive. The credentials go through standard input, or every process list on the node would show them.
set -eu

object() {
  printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" |
    curl --config - --silent --show-error --fail --max-time 4 --noproxy '*' \
      --aws-sigv4 aws:amz:us-east-1:s3 --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' --request "$@"
}

bucket="$S3_URL/seaweedfs-readiness"
key="$bucket/object"
content=readable

is_readable() {
  test "$(object GET "$key")" = "$content"
}
