#!/bin/sh
# Print the images of Dockerfile and docker-compose.yml with their present digests, as lines for `.env`.
# A tag can move to other content; a digest cannot. Needs docker with buildx, or skopeo.
#
#     examples/pin-images.sh >> .env && docker compose build
set -eu

digest() {
    if command -v skopeo > /dev/null; then
        skopeo inspect --format '{{.Digest}}' "docker://docker.io/$1"
    else
        docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}'
    fi
}

folder=$(dirname "$0")/..
sed -nE 's/.*\$\{([A-Z]+_IMAGE):-([^}]+)\}.*/\1 \2/p' "$folder/docker-compose.yml" | while read -r name image; do
    found=$(digest "$image")
    case $found in
        sha256:*) echo "$name=$image@$found" ;;
        *) echo "digest not found: $image; check the registry" >&2; exit 1 ;;
    esac
done
