#!/bin/sh
# Renders /etc/nginx/templates/*.template to /run/nginx/conf.d, with environment variables in the place of ${NAMES} in capitals.
# nginx's own variables are in small letters and stay.
#
# NGINX_ENVSUBST_TEMPLATE_DIR, NGINX_ENVSUBST_TEMPLATE_SUFFIX and NGINX_ENVSUBST_OUTPUT_DIR as in nginx's official image.
set -eu

templates=${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}
suffix=${NGINX_ENVSUBST_TEMPLATE_SUFFIX:-.template}
output=${NGINX_ENVSUBST_OUTPUT_DIR:-/run/nginx/conf.d}

fault() {
    echo "docker-entrypoint: $*" >&2
    exit 1
}

value_of() {
    eval "printf %s \"\${$1:-}\""
}

if ! mkdir -p "$output" 2>/dev/null || ! [ -w "$output" ]; then
    fault "$output cannot be written to: give the container a writable /run/nginx (docker run --tmpfs /run/nginx)"
fi

missing=''
for template in "$templates"/*"$suffix"; do
    [ -e "$template" ] || continue
    name=$(basename "$template" "$suffix")
    case $name in
    proxy.conf | single.conf) [ "$name" = "${S3_TEMPLATE:-proxy}.conf" ] || continue ;;
    esac

    variables=''
    # shellcheck disable=SC2016 # the names themselves are wanted
    for variable in $(grep -o '\${[A-Z][A-Z0-9_]*}' "$template" | tr -d '${}' | sort -u); do
        value=$(value_of "$variable")
        case $variable,$value in
        *,) missing="$missing $variable" ;;
        # Made of words that 15-s3-variables.envsh has looked at.
        CLIENT_KEYS,* | UPLOADS,* | ORIGIN_KEY,* | SERVER[AB]_KEY,*) ;;
        *,*[!A-Za-z0-9._:/?\&=%+,@~\[\]-]*)
            fault "$variable has a character that cannot stand in nginx's configuration: \"$value\""
            ;;
        esac
        variables="$variables \${$variable}"
    done
    [ -n "$missing" ] || envsubst "$variables" <"$template" >"$output/$name"
done
[ -z "$missing" ] || fault "not set:$missing"
